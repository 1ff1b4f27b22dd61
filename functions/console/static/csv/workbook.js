// Convert a sheet of an Excel workbook to CSV, like `keywright import` does (infra/cli/workbook.py).
//
// Loaded only when such a file is chosen. What a sheet can't say in CSV is refused: errors, formulas
// without results, merged cells, times. The library reads them as empty cells.
import { unzipSync, zipSync } from "fflate";
import { readSheet } from "read-excel-file/universal";
import { BadFile } from "./csv.js";
import { escapeFormula } from "./rules.js";

/** Bytes of a workbook, and of a part of it when it is unpacked. */
const MAX_FILE = 50 * 1024 ** 2;
const MAX_PART = 256 * 1024 ** 2;
/** Cells that a message names. */
const MAX_NAMED = 5;
/** A number with the format of a time or a duration is a date in these years. */
const FIRST_YEAR = 1905;

const WORKBOOK = "xl/workbook.xml";
const RELATIONS = "xl/_rels/workbook.xml.rels";
const ATTRIBUTE = /([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ERROR = /<(?:\w+:)?c\b([^>]*\bt="e"[^>]*)>/g;
const FORMULA =
  /<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*\/>|[^>]*>[^<]*<\/(?:\w+:)?f>)\s*(<(?:\w+:)?v\b[^>]*\/>|<(?:\w+:)?v\b[^>]*>\s*<\/(?:\w+:)?v>)?\s*<\/(?:\w+:)?c>/g;
const MERGED = /<(?:\w+:)?mergeCell\b([^>]*)>/g;
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** @typedef {{ csv: File, sheets: string[], sheet: string }} Workbook the converted sheet, and all */
/** @typedef {string | number | boolean | Date | null} Cell */

/** A refused workbook; `sheets` are the names of those that can be chosen instead. */
export class BadWorkbook extends BadFile {
  /** @type {string[]} */
  sheets = [];
  sheet = "";

  /** @param {string} message */
  constructor(message) {
    super("bad_workbook", message);
  }
}

/**
 * Convert the sheet with this name; "" is the first one that is visible. Throws BadWorkbook.
 *
 * @param {File} file
 * @param {string} name
 * @returns {Promise<Workbook>}
 */
export async function readWorkbook(file, name) {
  if (file.size > MAX_FILE)
    throw new BadWorkbook("The workbook is larger than 50 MB. Save the sheet as CSV UTF-8.");
  const bytes = new Uint8Array(await file.arrayBuffer());
  refuseCompound(bytes);
  const sheets = listSheets(bytes);
  const names = sheets.filter(({ isVisible }) => isVisible).map((sheet) => sheet.name);
  const sheet = sheets.find((each) => each.name === (name || names[0]));
  if (!sheet) throw unreadable();
  try {
    const text = await convertSheet(bytes, sheet);
    if (!text) throw new BadWorkbook(`The sheet ${sheet.name} is empty. Choose another sheet.`);
    const csv = new File([text], `${file.name.replace(/\.[^.]*$/, "")}.csv`, { type: "text/csv" });
    return { csv, sheets: names, sheet: sheet.name };
  } catch (error) {
    const refused = error instanceof BadWorkbook ? error : unreadable();
    refused.sheets = names;
    refused.sheet = sheet.name;
    throw refused;
  }
}

const unreadable = () =>
  new BadWorkbook(
    "The workbook can’t be read: it is damaged, or not an .xlsx file. Save it again as .xlsx, or as CSV UTF-8.",
  );

/** Refuse files in the format of old workbooks, which is also that of workbooks with a password. */
function refuseCompound(/** @type {Uint8Array} */ bytes) {
  if (![0xd0, 0xcf, 0x11, 0xe0].every((byte, at) => bytes[at] === byte)) return;
  const text = new TextDecoder("latin1").decode(bytes);
  throw new BadWorkbook(
    text.includes([..."EncryptedPackage"].join("\0"))
      ? "The workbook has a password. Save it without one."
      : "The file is an old Excel workbook (.xls). Save it as .xlsx, or as CSV UTF-8.",
  );
}

/** @typedef {{ name: string, path: string, isVisible: boolean }} Sheet */

/**
 * The parts of the workbook with these names, as far as it has them.
 *
 * @type {(bytes: Uint8Array, wanted: (name: string) => boolean) => Record<string, Uint8Array>}
 */
function unpack(bytes, wanted) {
  const filter = (/** @type {{ name: string, originalSize: number }} */ { name, originalSize }) => {
    if (!wanted(name)) return false;
    if (originalSize > MAX_PART)
      throw new BadWorkbook("The sheet is too large. Save it as CSV UTF-8.");
    return true;
  };
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    throw error instanceof BadWorkbook ? error : unreadable();
  }
}

const decode = (/** @type {Uint8Array | undefined} */ part) => new TextDecoder().decode(part);

/** @type {(text: string) => Record<string, string>} */
const readAttributes = (text) =>
  Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map(([, name, a, b]) => [name, decodeEntities(a ?? b)]),
  );

const decodeEntities = (/** @type {string} */ text) =>
  text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(lt|gt|amp|quot|apos));/g, (_, hex, number, word) =>
    word
      ? ENTITIES[/** @type {keyof typeof ENTITIES} */ (word)]
      : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(number)),
  );

/** @type {(text: string, tag: string) => Record<string, string>[]} */
const readTags = (text, tag) =>
  [...text.matchAll(new RegExp(`<(?:\\w+:)?${tag}\\b([^>]*)>`, "g"))].map(([, found]) =>
    readAttributes(found),
  );

/** @type {(bytes: Uint8Array) => Sheet[]} */
function listSheets(bytes) {
  const parts = unpack(bytes, (name) => name === WORKBOOK || name === RELATIONS);
  const paths = Object.fromEntries(
    readTags(decode(parts[RELATIONS]), "Relationship")
      .filter(({ Type = "" }) => Type.endsWith("/worksheet"))
      .map(({ Id, Target = "" }) => [
        Id,
        Target.startsWith("/") ? Target.slice(1) : `xl/${Target}`,
      ]),
  );
  return readTags(decode(parts[WORKBOOK]), "sheet")
    .map(({ name, state, ...rest }) => ({
      name,
      path: paths[Object.entries(rest).find(([key]) => key.endsWith(":id"))?.[1] ?? ""],
      isVisible: !state || state === "visible",
    }))
    .filter(({ path }) => path);
}

/**
 * The sheet as CSV; "" if it has no value.
 *
 * @type {(bytes: Uint8Array, sheet: Sheet) => Promise<string>}
 */
async function convertSheet(bytes, { name, path }) {
  const others = /^xl\/worksheets\//;
  const parts = unpack(
    bytes,
    (part) => part === path || (/\.xml(\.rels)?$/.test(part) && !others.test(part)),
  );
  if (!parts[path]) throw unreadable();
  refuseCells(decode(parts[path]));
  // The library knows 1 as true only; LibreOffice writes the word.
  const about = decode(parts[WORKBOOK]).replace(/\bdate1904\s*=\s*["']true["']/, 'date1904="1"');
  parts[WORKBOOK] = new TextEncoder().encode(about);
  // Without compression, the library starts no workers of its own, which the page's policy forbids.
  const packed = zipSync(parts, { level: 0 });
  const found = await readSheet(new Blob([packed]), name, { trim: false });
  const rows = /** @type {Cell[][]} */ (/** @type {unknown} */ (found)); // its type has `Date` as a class
  return writeRows(rows.map((cells, row) => cells.map((cell, at) => toText(cell, row, at))));
}

/** Refuse cells that are no values. */
function refuseCells(/** @type {string} */ xml) {
  /** @type {(found: Iterable<RegExpMatchArray>) => string} */
  const listCells = (found) =>
    [...found]
      .slice(0, MAX_NAMED)
      .map(([, attributes]) => readAttributes(attributes))
      .map(({ r, ref }) => r ?? ref)
      .join(", ");
  const errors = listCells(xml.matchAll(ERROR));
  if (errors)
    throw new BadWorkbook(
      `The sheet has cells with errors, such as #REF!: ${errors}. Correct them in the workbook, or clear them.`,
    );
  const formulas = listCells(
    [...xml.matchAll(FORMULA)].filter(
      ([, attributes, value]) => !value || readAttributes(attributes).t !== "str",
    ),
  );
  if (formulas)
    throw new BadWorkbook(
      `The sheet has formulas without results: ${formulas}. Open the workbook in a spreadsheet program, save it, and choose it again.`,
    );
  const merged = listCells(xml.matchAll(MERGED));
  if (merged)
    throw new BadWorkbook(
      `The sheet has merged cells, of which only the first has the value: ${merged}. Unmerge them, and fill each one.`,
    );
}

/** @type {(cell: Cell, row: number, at: number) => string} */
function toText(cell, row, at) {
  if (cell === null) return "";
  if (typeof cell === "number") return formatNumber(cell);
  if (!(cell instanceof Date)) return escapeFormula(String(cell).replace(/\r\n?/g, "\n"));
  const time = new Date(Math.round(cell.getTime() / 1000) * 1000);
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() < FIRST_YEAR)
    throw new BadWorkbook(
      `The cell ${nameCell(row, at)} is a time, a duration or a date before 1905. Enter it as text, or clear it.`,
    );
  return time.toISOString().replace(/T00:00:00\.000Z$|\.000Z$/, "");
}

/** @type {(row: number, at: number) => string} */
const nameCell = (row, at) => {
  let letters = "";
  for (let left = at + 1; left > 0; left = Math.floor((left - 1) / 26))
    letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
  return `${letters}${row + 1}`;
};

/** All digits of a number, without an exponent. */
function formatNumber(/** @type {number} */ number) {
  const text = String(number);
  const found = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!found) return text;
  const digits = found[2] + (found[3] ?? "");
  const exponent = Number(found[4]);
  return exponent < 0
    ? `${found[1]}0.${"0".repeat(-exponent - 1)}${digits}`
    : `${found[1]}${digits.padEnd(exponent + 1, "0")}`;
}

/** @type {(rows: string[][]) => string} */
function writeRows(rows) {
  const height = rows.findLastIndex((cells) => cells.some(Boolean)) + 1;
  const width = rows.reduce((most, cells) => Math.max(most, cells.findLastIndex(Boolean) + 1), 0);
  const quote = (/** @type {string} */ text) =>
    /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return rows
    .slice(0, height)
    .map(
      (cells) => `${Array.from({ length: width }, (_, at) => quote(cells[at] ?? "")).join(",")}\n`,
    )
    .join("");
}
