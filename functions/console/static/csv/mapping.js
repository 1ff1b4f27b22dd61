// Read the columns and values of a file as a mapping says, like the server does.

import { isCustomField, normalizeHeader } from "./header.js";
import { edgePattern, isUnseen, unescapeFormula } from "./rules.js";

/** @import { Dates } from "./day_order.js" */
/** @import { CellFault, Kind } from "./rules.js" */

/**
 * What the columns and values of a file mean, as the API takes it.
 *
 * @typedef {object} Mapping
 * @property {Record<string, string | null>} columns by header; null to leave it out
 * @property {Record<string, string>} constants by column
 * @property {Record<string, Record<string, string>>} values by column
 */

/** @type {() => Mapping} */
export const createMapping = () => ({ columns: {}, constants: {}, values: {} });

/** Whether a mapping changes nothing. */
export const isEmptyMapping = (/** @type {Mapping} */ { columns, constants, values }) =>
  ![columns, constants, values].some((part) => Object.keys(part).length);

/**
 * The columns of aliases and of the mapping by header, as `matchColumns` takes them; "" to leave a
 * header out.
 *
 * @type {(kind: Pick<Kind, "aliases" | "mapping" | "format">) => Map<string, string>}
 */
export const mappedHeaders = ({ aliases, mapping, format }) =>
  new Map(
    Object.entries({ ...aliases, ...mapping.columns }).map(([header, name]) => [
      normalizeHeader(header, format),
      name ?? "",
    ]),
  );

/** @typedef {(cells: string[]) => string[]} ReadRow our values of a row, in the order of `names` */

/**
 * A function from the cells of a row to our values, followed by the constants. A row without any
 * value in a known column stays blank.
 *
 * @type {(mapping: Mapping, names: string[], kind: Kind) => ReadRow}
 */
export function createRowReader({ constants, values }, names, kind) {
  const fixed = Object.values(constants);
  const conversions = Object.entries(values).flatMap(([column, known]) => {
    const at = names.indexOf(column);
    return at < 0 ? [] : [{ at, convert: createConversion(known, kind) }];
  });
  const isPlain = !fixed.length && !conversions.length;
  const own = names.flatMap((name, at) =>
    Object.hasOwn(kind.columns, name) || isCustomField(name) ? [at] : [],
  );
  return (cells) => {
    const row = names.map((_, at) => unescapeFormula(cells[at] ?? ""));
    if (isPlain) return row;
    if (own.every((at) => isUnseen(row[at], kind))) return [...row, ...fixed.map(() => "")];
    for (const { at, convert } of conversions) row[at] = convert(row[at]);
    return [...row, ...fixed];
  };
}

/** @type {(values: Record<string, string>, kind: Kind) => (cell: string) => string} */
function createConversion(values, kind) {
  const edges = edgePattern(kind.format);
  const plain = (/** @type {string} */ text) => text.normalize("NFC").replace(edges, "");
  const { "*": other, ...named } = values;
  const known = new Map(Object.entries(named).map(([name, value]) => [plain(name), value]));
  return (cell) => {
    const name = isUnseen(cell, kind) ? "" : plain(cell);
    return known.get(name) ?? (name && other !== undefined ? other : cell);
  };
}

/**
 * A fault with the value that the file has, if the mapping has converted it.
 *
 * @type {(fault: CellFault, mapping: Mapping, names: string[], cells: string[]) => CellFault}
 */
export function restoreValue(fault, { values }, names, cells) {
  const at = names.indexOf(fault.column);
  if (fault.value === null || at < 0 || !Object.hasOwn(values, fault.column)) return fault;
  return { ...fault, value: unescapeFormula(cells[at] ?? "").slice(0, 200) };
}
