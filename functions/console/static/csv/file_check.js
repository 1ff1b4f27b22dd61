// Check a file before upload, with the server's parsing and rules.
import { BadFile, countLines, isBlank, parseRecords } from "./csv.js";
import { createDayOrder } from "./day_order.js";
import { decodeFile, detectDialect } from "./dialect.js";
import { createGroups } from "./fault_groups.js";
import { findDuplicates } from "./duplicates.js";
import { findSimilarColumns, isCustomField, normalizeHeader, suggestColumns } from "./header.js";
import { createMapping, createRowReader, restoreValue } from "./mapping.js";
import { isUnseen, validateRow } from "./rules.js";

/** Bytes that are checked; the server checks the rest. */
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_LISTED = 200;
const PREVIEW = 5;
/** Rows that are searched for samples of a column, and the samples. */
const SAMPLED_ROWS = 200;
const SAMPLES = 3;
/** Milliseconds between progress reports. */
const REPORT_INTERVAL = 100;

/** @import { QuoteFault } from "./csv.js" */
/** @import { Dates, FileDates } from "./day_order.js" */
/** @import { Dialect } from "./dialect.js" */
/** @import { Mapping } from "./mapping.js" */
/** @import { FaultGroup } from "./fault_groups.js" */
/** @import { Duplicate } from "./duplicates.js" */
/** @import { CellFault, Keys, Kind, Rules } from "./rules.js" */

/** @typedef {(share: number) => void} OnShare */
/**
 * @typedef {object} Request
 * @property {Blob} file
 * @property {string} kind
 * @property {string} encoding
 * @property {Dates} [dates]
 * @property {Mapping} [mapping]
 * @property {Keys} [keys]
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
 * @property {FaultGroup[]} groups the faults of all rows
 * @property {string[][]} preview
 * @property {string[][]} samples some values of each column
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
 * @returns {Promise<Checked | { error: FileError, header: FileHeader | null }>}
 */
export async function checkFile(
  {
    file,
    kind: name,
    encoding,
    dates = "iso",
    mapping = createMapping(),
    keys = "require",
    most = MAX_BYTES,
    maxKeys,
  },
  rules,
  onShare = () => {},
) {
  const cut = file.size > most;
  const kind = { ...rules.kinds[name], dates, mapping, keys };
  let text = "";
  try {
    const bytes = new Uint8Array(await file.slice(0, most).arrayBuffer());
    const decoded = decodeFile(bytes, encoding, rules, cut);
    text = decoded.text;
    const dialect = detectDialect(text, kind, rules);
    const rows = checkRows(text, dialect, kind, rules, { onShare, cut, maxKeys });
    return { ...rows, cut, ...checkFormat(name, dialect, decoded.encoding, encoding, kind, rules) };
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    const { code, message, line, column, header } = error;
    const shown = header && describeHeader(text, header, kind, rules);
    return { error: { code, message, line, column }, header: shown };
  }
}

/**
 * The columns of a file, for its mapping.
 *
 * @typedef {object} FileHeader
 * @property {string[]} columns
 * @property {string[]} names
 * @property {string[][]} samples
 * @property {Record<string, string>} suggested
 */

/**
 * The columns of a file that is refused for its header.
 *
 * @param {string} text
 * @param {{ columns: string[], names: string[], delimiter: string, start: number }} header
 * @param {Kind} kind
 * @param {Rules} rules
 * @returns {FileHeader}
 */
function describeHeader(text, { columns, names, delimiter, start }, kind, rules) {
  const similar = findSimilarColumns(columns, names, unfixedColumns(kind), rules);
  const samples = createSamples(columns);
  let rows = 0;
  parseRecords(text.slice(start, start + 1024 * 1024), delimiter, (cells) => {
    samples.feed(cells);
    rows += 1;
    return rows < SAMPLED_ROWS;
  });
  return { columns, names, samples: samples.found, suggested: suggestColumns(similar) };
}

/** The columns without a constant. */
const unfixedColumns = (/** @type {Kind} */ { columns, mapping }) =>
  Object.keys(columns).filter((name) => !Object.hasOwn(mapping.constants, name));

/** Collects some different values of each column. */
function createSamples(/** @type {string[]} */ columns) {
  /** @type {string[][]} */
  const found = columns.map(() => []);
  const feed = (/** @type {string[]} */ cells) => {
    for (let at = 0; at < found.length; at += 1) {
      const value = (cells[at] ?? "").trim().slice(0, 60);
      if (value && found[at].length < SAMPLES && !found[at].includes(value)) found[at].push(value);
    }
  };
  return { found, feed };
}

/**
 * The encoding, columns that may be misspelled, and warnings.
 *
 * @param {string} kind
 * @param {Dialect} dialect
 * @param {string} encoding
 * @param {string} requested
 * @param {Kind} rulesOfKind
 * @param {Rules} rules
 */
function checkFormat(kind, { columns, names }, encoding, requested, rulesOfKind, rules) {
  const { mapping } = rulesOfKind;
  const known = Object.keys(rulesOfKind.columns);
  const imported = columns.map((column, at) => (rules.report.includes(names[at]) ? "" : column));
  const similar = findSimilarColumns(imported, names, unfixedColumns(rulesOfKind), rules);
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
  const filled = [...names, ...Object.keys(mapping.constants)];
  if (customers.some((name) => filled.includes(name)) && !filled.includes(`${prefix}email`))
    warnings.push(
      `The column ${prefix}email is missing: customers will have no email. Add the column if you know it.`,
    );
  const normalize = (/** @type {string} */ header) => normalizeHeader(header, rules.format);
  const there = columns.map(normalize);
  for (const [header, column] of Object.entries(mapping.columns)) {
    if (column && !there.includes(normalize(header)))
      warnings.push(`The file has no column ${header}, which is mapped to ${column}.`);
  }
  return { encoding, names, similar, suggested: suggestColumns(similar), warnings };
}

/**
 * @param {string} text
 * @param {Dialect} dialect
 * @param {Kind} kind
 * @param {Rules} rules
 * @param {{ onShare: OnShare, cut: boolean, maxKeys?: number }} options
 */
function checkRows(text, dialect, kind, rules, { onShare, cut, maxKeys }) {
  const { delimiter, columns, start } = dialect;
  let { line } = dialect;
  const { mapping } = kind;
  const names = [...dialect.names, ...Object.keys(mapping.constants)];
  const headers = [...columns, ...Object.keys(mapping.constants)];
  const readRow = createRowReader(mapping, dialect.names, kind);
  const samples = createSamples(columns);
  const reportColumns = new Set(rules.report);
  const unknown = columns.filter(
    (name, at) =>
      name &&
      !Object.hasOwn(kind.columns, names[at]) &&
      !isCustomField(names[at]) &&
      !reportColumns.has(names[at]),
  );
  /** @type {Rows} */
  const found = {
    ...{ delimiter, columns, unknown, rows: 0, faulty: 0, faults: [], groups: [], preview: [] },
    samples: samples.found,
    repeated: { rows: 0, listed: [] },
    dates: { suggested: null, example: null },
  };
  const dayOrder = createDayOrder(rules);
  const groups = createGroups();
  const days = names.flatMap((column, index) => (kind.days.has(column) ? [index] : []));
  const body = text.slice(start);
  const findDuplicate = findDuplicates(body, { delimiter, names, readRow }, kind, maxKeys);
  // A fault of the whole row has no column, and a header that is left out has no name.
  const written = (/** @type {string} */ column) =>
    column && (headers[names.indexOf(column)] ?? column);
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
    if (found.rows <= SAMPLED_ROWS) samples.feed(cells);
    for (const index of days) dayOrder.feed(cells[index] ?? "");
    const rowFault = quoteFault || (hasSpacedQuote(cells, raw, kind) ? "stray_quote" : null);
    const row = readRow(cells);
    const hasMore = cells.length > columns.length && !isBlank(cells.slice(columns.length));
    const fault = rowFault || (hasMore ? "extra_fields" : null);
    const faults = fault ? [createRowFault(fault)] : validateRecord(row, names, kind);
    const duplicate = faults.length ? null : findDuplicate(found.rows, row, from, cursor);
    if (duplicate?.isError) faults.push(createDuplicateFault(duplicate, written));
    else if (duplicate) {
      const different = duplicate.columns.map(written);
      found.repeated.rows += 1;
      if (found.repeated.listed.length < MAX_LISTED)
        found.repeated.listed.push({ ...duplicate, row: found.rows, line: firstLine, different });
    }
    if (!faults.length) return true;
    found.faulty += 1;
    const errors = faults
      .map((each) => restoreValue(each, mapping, dialect.names, cells))
      .map((each) => ({ ...each, column: written(each.column), name: each.column }));
    groups.feed(errors);
    if (found.faults.length < MAX_LISTED)
      found.faults.push({ row: found.rows, line: firstLine, errors });
    return true;
  });
  found.dates = dayOrder.find();
  found.groups = groups.list();
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

/** @type {(row: string[], names: string[], kind: Kind) => CellFault[]} */
function validateRecord(row, names, kind) {
  /** @type {Record<string, string>} */
  const cells = {};
  for (let at = 0; at < names.length; at += 1) cells[names[at]] = row[at];
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
