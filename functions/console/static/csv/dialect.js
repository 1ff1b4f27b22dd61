// Detect the format of a file (encoding, delimiter and columns), or why the server would reject it.
import { BadFile, countLines, isBlank, parseRecords } from "./csv.js";
import { decode } from "./encoding.js";
import { CUSTOM_FIELDS, findSimilarColumns, isCustomField, matchColumns } from "./header.js";
import { mappedHeaders } from "./mapping.js";
import { edgePattern, unescapeFormula } from "./rules.js";

/** Characters that are searched for the header. */
const HEAD = 256 * 1024;

/** @import { QuoteFault } from "./csv.js" */
/** @import { Kind, Rules } from "./rules.js" */

/**
 * A header that was read with one delimiter.
 *
 * @typedef {object} Header
 * @property {string} delimiter
 * @property {string[]} columns as written
 * @property {string[]} names the known column of each
 * @property {QuoteFault} [fault]
 * @property {number} line
 * @property {string} text
 * @property {number} end position in the text
 * @property {number[]} score
 */

/** @typedef {Header & { start: number }} Dialect `start` and `line` are those of the first row */

/**
 * Returns `{text, encoding}`, with uniform line endings, and only complete lines if the file is `cut`.
 * `requested` is an encoding, or "" to detect it.
 *
 * @param {Uint8Array} bytes
 * @param {string} requested
 * @param {Rules} rules
 * @param {boolean} cut
 */
export function decodeFile(bytes, requested, rules, cut) {
  const head = String.fromCharCode(...bytes.subarray(0, 4096));
  for (const [source, flags, type] of rules.magic) {
    const pattern = new RegExp(source, `y${flags & 2 ? "i" : ""}${flags & 16 ? "s" : ""}`);
    if (pattern.test(head))
      throw new BadFile(
        "not_text",
        `This is not a CSV file; it seems to be ${type}. Export the table as CSV and choose that file.`,
      );
  }
  const { text, encoding } = decode(bytes, requested, cut);
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    throw new BadFile(
      "not_text",
      "A zero byte means that this is not a text file. Save it as CSV UTF-8.",
      countLines(text.slice(0, nul)) + 1,
    );
  }
  const lines = text.replace(/\r\n?/g, "\n");
  return { text: cut ? lines.slice(0, lines.lastIndexOf("\n") + 1) : lines, encoding };
}

/**
 * Compare scores by their first number that differs.
 *
 * @type {(score: number[], other: number[]) => boolean}
 */
function isHigher(score, other) {
  const at = score.findIndex((number, index) => number !== other[index]);
  return at >= 0 && score[at] > other[at];
}

const emptyFile = (/** @type {number} */ line) =>
  new BadFile("empty_file", "The file is empty. Choose a file with a header and rows.", line);

/**
 * Find the delimiter with the most known columns, then with the most required columns.
 *
 * @type {(text: string, kind: Kind, rules: Rules) => Dialect}
 */
export function detectDialect(text, kind, rules) {
  const sep = /^"?sep=([^\n"])"?(?:\n|$)/i.exec(text);
  const start = sep ? sep[0].length : 0;
  if (sep && !rules.delimiters.includes(sep[1])) {
    throw new BadFile(
      "unsupported_delimiter",
      `The delimiter ${sep[1]} is not supported. Use a comma, semicolon, tab or |.`,
    );
  }
  const head = text.slice(start, start + HEAD);
  if (!head.trim()) throw emptyFile(countLines(text) + 1);
  const candidates = (sep ? [sep[1]] : rules.delimiters).map((delimiter) =>
    readHeader(head, delimiter, kind, rules.format),
  );
  const best = candidates.reduce((a, b) => (isHigher(b.score, a.score) ? b : a));
  const line = best.line + (sep ? 1 : 0);
  const found = { ...best, start: start + best.end, line: line + countLines(best.text) };
  try {
    validateHeader(best, line, kind, rules);
  } catch (error) {
    if (error instanceof BadFile && !best.fault) error.header = found;
    throw error;
  }
  return found;
}

/**
 * Strip white space, invisible characters, and quotes after a space from a header.
 *
 * @type {(cell: string, edges: RegExp) => string}
 */
function cleanHeader(cell, edges) {
  let name = cell.replace(edges, "");
  if (name !== cell && name.length > 1 && name[0] === '"' && name.at(-1) === '"')
    name = name.slice(1, -1);
  return unescapeFormula(name).replace(edges, "");
}

/** @type {(head: string, delimiter: string, kind: Kind, format: string) => Header} */
function readHeader(head, delimiter, kind, format) {
  const edges = edgePattern(format);
  /** @type {Omit<Header, "names" | "score"> | null} */
  let found = null;
  let line = 1;
  let at = 0;
  parseRecords(head, delimiter, (cells, fault, cursor) => {
    const text = head.slice(at, cursor);
    if (isBlank(cells)) {
      line += countLines(text);
      at = cursor;
      return true;
    }
    const columns = cells.map((cell) => cleanHeader(cell, edges));
    found = { delimiter, columns, fault, line, text, end: cursor };
    return false;
  });
  // The type checker does not see that the callback has assigned it.
  const header = /** @type {Omit<Header, "names" | "score"> | null} */ (found);
  if (!header) throw emptyFile(line);
  const mapped = mappedHeaders(kind);
  const names = matchColumns(header.columns, Object.keys(kind.columns), format, mapped);
  const required = requiredHeaders(kind);
  const count = (/** @type {(name: string) => boolean} */ test) =>
    new Set(names.filter((name) => name && test(name))).size;
  const score = [
    count((name) => Object.hasOwn(kind.columns, name)),
    count((name) => required.includes(name)),
    header.columns.filter((name) => name).length,
  ];
  return { ...header, names, score };
}

/** The required columns without a constant. */
const requiredHeaders = (/** @type {Kind} */ { required, mapping }) =>
  required.filter((name) => !Object.hasOwn(mapping.constants, name));

/** @type {(header: Header, line: number, kind: Kind, rules: Rules) => void} */
function validateHeader({ columns, names, fault, text }, line, kind, rules) {
  const { report, most } = rules;
  const { constants } = kind.mapping;
  if (fault)
    throw new BadFile(
      "unbalanced_quote",
      "A quote in the header is not closed, or text follows its closing quote. Fix the quotes.",
      line,
    );
  const width = names.filter((name) => name && !report.includes(name)).length;
  if (width > most.columns)
    throw new BadFile(
      "too_many_columns",
      `The file has ${width} columns. The limit is ${most.columns}: remove columns that are not imported.`,
      line,
    );
  if (new TextEncoder().encode(text).length > most.header)
    throw new BadFile(
      "header_too_long",
      `The header is longer than ${most.header / 1024} KB. Shorten or remove columns.`,
      line,
    );
  const repeated = columns.find(
    (column, at) => column && names[at] && names.indexOf(names[at]) < at,
  );
  if (repeated) {
    const first = columns[names.indexOf(names[columns.lastIndexOf(repeated)])];
    const message =
      first === repeated
        ? `The column ${repeated} appears more than once. Keep one of them.`
        : `${first} and ${repeated} are the same column. Keep one of them.`;
    throw new BadFile("duplicate_header", message, line, repeated);
  }
  const missing = requiredHeaders(kind)
    .filter((name) => !names.includes(name))
    .sort();
  const known = Object.keys(kind.columns);
  const fixed = columns.find((_, at) => Object.hasOwn(constants, names[at]));
  if (!missing.length && fixed !== undefined) {
    const message = `The column ${fixed} is in the file, and has the same value in all rows. Keep one of them.`;
    throw new BadFile("duplicate_header", message, line, fixed);
  }
  const custom = columns.find((_, at) => isCustomField(names[at]));
  if (!missing.length && custom && [...names, ...Object.keys(constants)].includes(CUSTOM_FIELDS)) {
    const message = `The column ${custom} is a custom field, and ${CUSTOM_FIELDS} has all of them. Keep one of them.`;
    throw new BadFile("duplicate_header", message, line, custom);
  }
  if (!missing.length && known.some((name) => names.includes(name))) return;
  const advice = findSimilarColumns(columns, names, known, rules)
    .map(({ column, similar }) => ` Rename or map ${column} if it is ${similar.join(" or ")}.`)
    .join("");
  const message = missing.length
    ? `Required columns are missing: ${missing.join(", ")}. The template has all columns.`
    : `None of the file’s columns can be imported. Supported: ${known.join(", ")}.`;
  throw new BadFile("missing_header", message + advice, line, missing[0]);
}
