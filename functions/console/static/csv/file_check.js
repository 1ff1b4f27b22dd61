// Check a file before upload, with the server's parsing and rules.
import { BadFile, countLines, isBlank, parseRecords } from "./csv.js";
import { createDayOrder } from "./day_order.js";
import { decodeFile, detectDialect } from "./dialect.js";
import { findDuplicates } from "./duplicates.js";
import { findSimilarColumns } from "./header.js";
import { isUnseen, unescapeFormula, validateRow } from "./rules.js";

/** Bytes that are checked; the server checks the rest. */
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_LISTED = 200;
const PREVIEW = 5;
/** Milliseconds between progress reports. */
const REPORT_INTERVAL = 100;

/** @import { QuoteFault } from "./csv.js" */
/** @import { Dates, FileDates } from "./day_order.js" */
/** @import { Dialect } from "./dialect.js" */
/** @import { Duplicate } from "./duplicates.js" */
/** @import { CellFault, Kind, Rules } from "./rules.js" */

/** @typedef {(share: number) => void} OnShare */
/**
 * @typedef {object} Request
 * @property {Blob} file
 * @property {string} kind
 * @property {string} encoding
 * @property {Dates} [dates]
 * @property {number} [most] bytes to check
 * @property {number} [maxKeys]
 */
/** @typedef {{ row: number, line: number, errors: CellFault[] }} RowFaults */
/** @typedef {{ code: string, message: string, line?: number, column?: string | null }} FileError */

/**
 * The rows of a file: the first faults, and the cells of the first rows.
 *
 * @typedef {object} Rows
 * @property {string} delimiter
 * @property {string[]} columns
 * @property {string[]} unknown
 * @property {number} rows
 * @property {number} faulty
 * @property {RowFaults[]} faults
 * @property {string[][]} preview
 * @property {Repeated} repeated rows with the key of an earlier row
 * @property {FileDates} dates
 */

/** @typedef {Duplicate & { row: number, line: number, different: string[] }} RepeatedRow */
/** @typedef {{ rows: number, listed: RepeatedRow[] }} Repeated */

/** @typedef {ReturnType<typeof checkFormat>} Format */
/** @typedef {Rows & Format & { cut: boolean, error?: undefined }} Checked */

/**
 * Returns `{error}` if the file can't be imported, else its format, rows, faults and warnings.
 *
 * @param {Request} request
 * @param {Rules} rules
 * @param {OnShare} onShare
 * @returns {Promise<Checked | { error: FileError }>}
 */
export async function checkFile(
  { file, kind: name, encoding, dates = "iso", most = MAX_BYTES, maxKeys },
  rules,
  onShare = () => {},
) {
  const cut = file.size > most;
  try {
    const bytes = new Uint8Array(await file.slice(0, most).arrayBuffer());
    const { text, encoding: found } = decodeFile(bytes, encoding, rules, cut);
    const kind = { ...rules.kinds[name], dates };
    const dialect = detectDialect(text, kind, rules);
    const rows = checkRows(text, dialect, kind, rules, { onShare, cut, maxKeys });
    return { ...rows, cut, ...checkFormat(name, dialect, found, encoding, rules) };
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    const { code, message, line, column } = error;
    return { error: { code, message, line, column } };
  }
}

/**
 * The encoding, columns that may be misspelled, and warnings.
 *
 * @param {string} kind
 * @param {Dialect} dialect
 * @param {string} encoding
 * @param {string} requested
 * @param {Rules} rules
 */
function checkFormat(kind, { columns, names }, encoding, requested, { kinds, format, report }) {
  const known = Object.keys(kinds[kind].columns);
  const imported = columns.map((column, at) => (report.includes(names[at]) ? "" : column));
  const similar = findSimilarColumns(imported, names, known, format);
  /** @type {string[]} */
  const warnings = [];
  if (!requested && encoding === "windows-1252")
    warnings.push(
      "The file is not UTF-8, so it is read as Windows-1252. Check letters with accents.",
    );
  else if (requested && requested !== encoding)
    warnings.push(`The file is ${encoding.toUpperCase()} and is read as such.`);
  const prefix = { customers: "", licenses: "customer__" }[kind];
  const customers = known.filter((name) => prefix !== undefined && name.startsWith(prefix));
  if (customers.some((name) => names.includes(name)) && !names.includes(`${prefix}email`))
    warnings.push(
      `The column ${prefix}email is missing: customers will have no email. Add the column if you know it.`,
    );
  return { encoding, similar, warnings };
}

/**
 * @param {string} text
 * @param {Dialect} dialect
 * @param {Kind} kind
 * @param {Rules} rules
 * @param {{ onShare: OnShare, cut: boolean, maxKeys?: number }} options
 */
function checkRows(text, dialect, kind, rules, { onShare, cut, maxKeys }) {
  const { delimiter, columns, names, start } = dialect;
  let { line } = dialect;
  const reportColumns = new Set(rules.report);
  const unknown = columns.filter(
    (name, at) => name && !Object.hasOwn(kind.columns, names[at]) && !reportColumns.has(names[at]),
  );
  /** @type {Rows} */
  const found = {
    ...{ delimiter, columns, unknown, rows: 0, faulty: 0, faults: [], preview: [] },
    repeated: { rows: 0, listed: [] },
    dates: { suggested: null, example: null },
  };
  const dayOrder = createDayOrder(rules);
  const days = names.flatMap((column, index) => (kind.days.has(column) ? [index] : []));
  const body = text.slice(start);
  const findDuplicate = findDuplicates(body, dialect, kind, maxKeys);
  const written = (/** @type {string} */ column) => columns[names.indexOf(column)] ?? column;
  let at = 0;
  let reportedAt = 0;
  parseRecords(body, delimiter, (cells, quoteFault, cursor, quoteAt) => {
    const firstLine = line;
    const from = at;
    const raw = body.slice(from, cursor);
    if (cut && quoteFault === "unbalanced_quote") return false;
    if (quoteFault === "unbalanced_quote") {
      const message =
        "A quote opens here and is not closed, or text follows its closing quote. Fix the quotes.";
      throw new BadFile(quoteFault, message, firstLine + countLines(body.slice(at, quoteAt)));
    }
    line += raw.includes('"') ? countLines(raw) : 1;
    at = cursor;
    if (performance.now() - reportedAt > REPORT_INTERVAL) {
      reportedAt = performance.now();
      onShare(cursor / body.length);
    }
    if (!quoteFault && isBlank(cells)) return true;
    found.rows += 1;
    if (found.preview.length < PREVIEW) found.preview.push(cells);
    for (const index of days) dayOrder.feed(cells[index] ?? "");
    const rowFault = quoteFault || (hasSpacedQuote(cells, raw, kind) ? "stray_quote" : null);
    const faults = rowFault ? [createRowFault(rowFault)] : validateRecord(cells, names, kind);
    const duplicate = faults.length ? null : findDuplicate(found.rows, cells, from, cursor);
    if (duplicate?.isError) faults.push(createDuplicateFault(duplicate, written));
    else if (duplicate) {
      const different = duplicate.columns.map(written);
      found.repeated.rows += 1;
      if (found.repeated.listed.length < MAX_LISTED)
        found.repeated.listed.push({ ...duplicate, row: found.rows, line: firstLine, different });
    }
    if (!faults.length) return true;
    found.faulty += 1;
    const errors = faults.map((fault) => ({ ...fault, column: written(fault.column) }));
    if (found.faults.length < MAX_LISTED)
      found.faults.push({ row: found.rows, line: firstLine, errors });
    return true;
  });
  found.dates = dayOrder.find();
  return found;
}

/**
 * Whether a space precedes the opening quote of a cell: CSV then treats the quote as text.
 *
 * @type {(cells: string[], raw: string, kind: Kind) => boolean}
 */
function hasSpacedQuote(cells, raw, kind) {
  if (!raw.includes('"')) return false;
  const found = cells.filter((text) => text[0] !== '"' && kind.lateQuote.test(text));
  return found.some((text) => !raw.includes(`"${text.replaceAll('"', '""')}"`));
}

/** @type {(fields: string[], names: string[], kind: Kind) => CellFault[]} */
function validateRecord(fields, names, kind) {
  if (fields.length > names.length && !isBlank(fields.slice(names.length)))
    return [createRowFault("extra_fields")];
  /** @type {Record<string, string>} */
  const cells = {};
  for (let at = 0; at < names.length; at += 1) cells[names[at]] = unescapeFormula(fields[at] ?? "");
  const faults = validateRow(cells, kind);
  const known = names.some(
    (name) => Object.hasOwn(kind.columns, name) && !isUnseen(cells[name], kind),
  );
  return faults.length || known ? faults : [createRowFault("blank_row")];
}

/** @type {(duplicate: Duplicate, written: (column: string) => string) => CellFault} */
function createDuplicateFault({ first, what, column, value, columns }, written) {
  const message = `row ${first} of this file has the same ${what} with other values: ${columns.map(written).join(", ")}`;
  return { column, code: "duplicate_in_file", message, value };
}

const ROW_FAULTS = {
  extra_fields: "the row has more cells than the header; check its delimiters and quotes",
  stray_quote:
    "a cell has text or spaces outside its quotes; remove them, or double the quotes inside the cell",
  blank_row: "all imported columns are empty; fill one, or remove the row",
};
/** @type {(code: keyof typeof ROW_FAULTS) => CellFault} */
const createRowFault = (code) => ({ column: "", code, message: ROW_FAULTS[code], value: null });
