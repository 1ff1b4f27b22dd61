// Find rows that have the key of an earlier row, with the server's rules for keys and values.

import { parseRecords } from "./csv.js";
import { normalizeCell } from "./rules.js";

/** Keys that are remembered, with 16 to 32 bytes each. */
const MAX_KEYS = 3_000_000;
const SLOT = 4;

/** @import { ReadRow } from "./mapping.js" */
/** @import { Kind } from "./rules.js" */

/** @typedef {{ row: number, from: number, to: number }} Place a row and its position in the text */
/** @typedef {{ what: string, column: string, values: string[] }} Key */

/**
 * A row with the key of the row `first`; `columns` have other values than that row. `isError` means
 * that the server certainly rejects the row: the other columns have defaults that only it knows.
 *
 * @typedef {object} Duplicate
 * @property {number} first
 * @property {string} what
 * @property {string} column
 * @property {string} value
 * @property {string[]} columns
 * @property {boolean} isError
 */

/**
 * Returns a function of a valid row: null if no earlier row has its key.
 *
 * `names` are the columns of a row that `readRow` returns.
 *
 * @param {string} text
 * @param {{ delimiter: string, names: string[], readRow: ReadRow }} dialect
 * @param {Kind} kind
 * @param {number} [maxKeys]
 * @returns {(row: number, cells: string[], from: number, to: number) => Duplicate | null}
 */
export function findDuplicates(text, { delimiter, names, readRow }, kind, maxKeys = MAX_KEYS) {
  const at = new Map(names.map((name, index) => [name, index]));
  const value = (/** @type {string[]} */ cells, /** @type {string} */ column) => {
    const index = at.get(column);
    return index === undefined ? "" : normalizeCell(column, cells[index], kind);
  };
  /** @type {(cells: string[]) => Key | null} */
  const keyOf = (cells) => {
    for (const { columns, what } of kind.identity) {
      const values = columns.map((column) => value(cells, column));
      if (values.every(Boolean)) return { what, column: columns[columns.length - 1], values };
    }
    return null;
  };
  const textOf = (/** @type {Key | null} */ key) =>
    key && [key.column, ...key.values].join("\u001f");
  const known = names.filter((name) => Object.hasOwn(kind.columns, name));
  const firstRows = new FirstRows();
  /** @type {{ row: number, cells: string[] }} */
  let last = { row: 0, cells: [] };

  const read = (/** @type {Place} */ { row, from, to }) => {
    if (last.row !== row) {
      parseRecords(text.slice(from, to), delimiter, (cells) => {
        last = { row, cells: readRow(cells) };
        return false;
      });
    }
    return last.cells;
  };

  return (row, cells, from, to) => {
    const key = keyOf(cells);
    if (!key) return null;
    const own = [key.column, ...key.values].join("\u001f");
    const isSame = (/** @type {Place} */ place) => textOf(keyOf(read(place))) === own;
    const first = firstRows.findOrAdd(own, { row, from, to }, isSame, maxKeys);
    if (!first) return null;
    const there = read(first);
    const columns = known.filter(
      (column) =>
        value(cells, column) !== value(there, column) && !value(cells, kind.uncompared[column]),
    );
    const isError =
      columns.some((column) => kind.literal.includes(column)) &&
      !columns.includes("product__short_code");
    return {
      ...{ first: first.row, what: key.what, column: key.column, columns, isError },
      value: key.values[key.values.length - 1],
    };
  };
}

/** The first row of each key, by a hash of the key, in one typed array. */
class FirstRows {
  constructor() {
    this.count = 0;
    this.slots = new Uint32Array(SLOT << 12);
  }

  /**
   * The earlier row with this key; otherwise adds this row and returns null.
   *
   * @param {string} key
   * @param {Place} place
   * @param {(place: Place) => boolean} isSame
   * @param {number} maxKeys
   * @returns {Place | null}
   */
  findOrAdd(key, place, isSame, maxKeys) {
    const hash = hashOf(key);
    const { slots } = this;
    let at = this.start(hash);
    while (slots[at + 1]) {
      const found = { row: slots[at + 1], from: slots[at + 2], to: slots[at + 3] };
      if (slots[at] === hash && isSame(found)) return found;
      at = (at + SLOT) % slots.length;
    }
    if (this.count < maxKeys) this.put(at, [hash, place.row, place.from, place.to]);
    return null;
  }

  start(/** @type {number} */ hash) {
    return ((hash >>> 0) % (this.slots.length / SLOT)) * SLOT;
  }

  put(/** @type {number} */ at, /** @type {number[]} */ slot) {
    this.slots.set(slot, at);
    this.count += 1;
    if (this.count * SLOT * 4 > this.slots.length * 3) this.grow();
  }

  grow() {
    const old = this.slots;
    this.slots = new Uint32Array(old.length * 2);
    for (let from = 0; from < old.length; from += SLOT) {
      if (!old[from + 1]) continue;
      let at = this.start(old[from]);
      while (this.slots[at + 1]) at = (at + SLOT) % this.slots.length;
      this.slots.set(old.subarray(from, from + SLOT), at);
    }
  }
}

/** FNV-1a of the UTF-16 code units. */
function hashOf(/** @type {string} */ text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
