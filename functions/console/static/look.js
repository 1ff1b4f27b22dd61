// What is in a file, before it is sent: the same reading and rules as the server's.
import Papa from "papaparse";
import { faultsOf, unescaped } from "./rules.js";

/** Bytes that are looked at; the server looks at the rest. */
const MOST_BYTES = 128 * 1024 * 1024;
const SHOWN = 200;
const PREVIEW = 5;
const HEAD = 256 * 1024;

/** Why the server would take nothing of the file. */
class BadFile extends Error {
  constructor(code, message, line = 1, column = null) {
    super(message);
    Object.assign(this, { code, line, column });
  }
}

/** All that can be said of a file: `{refusal}`, or how it is written, its rows and their faults. */
export async function look({ file, kind, encoding }, rules, tell = () => {}) {
  try {
    const text = decoded(new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer()), encoding, rules);
    const dialect = detected(text, rules.kinds[kind], rules);
    const found = rowsOf(text, dialect, rules.kinds[kind], rules, tell);
    return { ...found, cut: file.size > MOST_BYTES };
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    const { code, message, line, column } = error;
    return { refusal: { code, message, line, column } };
  }
}

function decoded(bytes, chosen, rules) {
  const head = String.fromCharCode(...bytes.subarray(0, 4096));
  for (const [source, flags, seems] of rules.magic) {
    const pattern = new RegExp(source, `y${flags & 2 ? "i" : ""}${flags & 16 ? "s" : ""}`);
    if (pattern.test(head)) throw new BadFile("not_text", `This is not a CSV file; it seems to be ${seems}.`);
  }
  const [encoding] = [["utf-16le", /^\xff\xfe/], ["utf-16be", /^\xfe\xff/], ["utf-8", /^\xef\xbb\xbf/]]
    .find(([, mark]) => mark.test(head)) ?? [chosen || "utf-8"];
  let text;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new BadFile(
      "undecodable",
      `The file is not ${encoding.toUpperCase()}: save it as CSV UTF-8, or say below that it is in Windows-1252.`,
      lineOfFault(bytes, encoding),
    );
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    throw new BadFile("not_text", "There is a zero byte, so it is not text. Save it as CSV UTF-8.", linesIn(text.slice(0, nul)) + 1);
  }
  return text.replace(/\r\n?/g, "\n");
}

/** The line of the first byte that the encoding does not know. */
function lineOfFault(bytes, encoding) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let line = 1;
  let at = 0;
  try {
    for (; at < bytes.length; at += 4096) line += linesIn(decoder.decode(bytes.subarray(at, at + 4096), { stream: true }));
  } catch {
    const whole = new TextDecoder(encoding).decode(bytes.subarray(at, at + 4096));
    line += linesIn(whole.slice(0, Math.max(0, whole.indexOf("\ufffd"))));
  }
  return line;
}

const linesIn = (text) => (text.match(/\r\n?|\n/g) ?? []).length;
const isBlank = (cells) => cells.every((cell) => !cell.trim());

/** Delimiter and columns: the delimiter that finds most of what is required, then most columns. */
function detected(text, kind, rules) {
  const sep = /^"?sep=([^\n"])"?(?:\n|$)/i.exec(text);
  const start = sep ? sep[0].length : 0;
  if (sep && !rules.delimiters.includes(sep[1])) {
    throw new BadFile("unsupported_delimiter", `The delimiter ${sep[1]} is not read; use a comma, semicolon, tab or |.`);
  }
  const head = text.slice(start, start + HEAD);
  if (!head.trim()) throw new BadFile("empty_file", "The file is empty.", linesIn(text) + 1);
  const tried = (sep ? [sep[1]] : rules.delimiters).map((delimiter) => headerOf(head, delimiter, kind));
  const best = tried.reduce((a, b) => (b.score > a.score || (b.score === a.score && b.columns.length > a.columns.length) ? b : a));
  refuse(best, best.line + (sep ? 1 : 0), kind, rules);
  return { ...best, start: start + best.end, line: best.line + (sep ? 1 : 0) + linesIn(best.text) };
}

function headerOf(head, delimiter, kind) {
  let found = null;
  let line = 1;
  let at = 0;
  parsed(head, delimiter, (cells, broken, cursor) => {
    const text = head.slice(at, cursor);
    if (isBlank(cells)) {
      line += linesIn(text);
      at = cursor;
      return true;
    }
    const columns = cells.map((cell) => unescaped(cell.trim()).trim());
    while (columns.length && !columns.at(-1)) columns.pop();
    found = { delimiter, columns, broken, line, text, end: cursor };
    return false;
  });
  if (!found) throw new BadFile("empty_file", "The file is empty.", line);
  found.names = found.columns.map((column) => column.toLowerCase());
  found.score = kind.required.filter((name) => found.names.includes(name)).length;
  return found;
}

function refuse({ columns, names, broken, text }, line, kind, { report, most }) {
  if (broken) throw new BadFile("unbalanced_quote", "A quote in the header is not closed, or text follows its closing quote.", line);
  const ours = names.filter((name) => report.includes(name)).length;
  if (columns.length > most.columns + ours) throw new BadFile("too_many_columns", `There are ${columns.length} columns; at most ${most.columns} are read.`, line);
  if (new TextEncoder().encode(text).length > most.header) throw new BadFile("header_too_long", `The header is longer than ${most.header / 1024} KB.`, line);
  const twice = columns.find((column, at) => column && names.indexOf(names[at]) < at);
  if (twice) throw new BadFile("duplicate_header", `The column ${twice} is there more than once.`, line, twice);
  const missing = kind.required.filter((name) => !names.includes(name)).sort();
  if (missing.length) throw new BadFile("missing_header", `Required columns are missing: ${missing.join(", ")}.`, line, missing[0]);
}

function rowsOf(text, { delimiter, columns, names, start, line }, kind, rules, tell) {
  const found = { delimiter, columns, rows: 0, faulty: 0, faults: [], preview: [] };
  const ours = new Set(rules.report);
  found.unknown = columns.filter((name, at) => name && !Object.hasOwn(kind.columns, names[at]) && !ours.has(names[at]));
  const body = text.slice(start);
  let at = 0;
  let told = 0;
  parsed(body, delimiter, (cells, broken, cursor, opened) => {
    const here = line;
    const raw = body.slice(at, cursor);
    if (broken === "unbalanced_quote") {
      const message = "A quote opens here and is not closed, or is closed amid text.";
      throw new BadFile(broken, message, here + linesIn(body.slice(at, opened)));
    }
    line += raw.includes('"') ? linesIn(raw) : 1;
    at = cursor;
    if (performance.now() - told > 100) {
      told = performance.now();
      tell(cursor / body.length);
    }
    if (!broken && isBlank(cells)) return true;
    found.rows += 1;
    if (found.preview.length < PREVIEW) found.preview.push(cells);
    const faults = broken ? [ofRow(broken)] : faultsOfRecord(cells, names, kind);
    if (!faults.length) return true;
    found.faulty += 1;
    const written = faults.map((fault) => ({ ...fault, column: columns[names.indexOf(fault.column)] ?? fault.column }));
    if (found.faults.length < SHOWN) found.faults.push({ row: found.rows, line: here, errors: written });
    return true;
  });
  return found;
}

function faultsOfRecord(fields, names, kind) {
  if (fields.length > names.length && !isBlank(fields.slice(names.length))) return [ofRow("extra_fields")];
  const cells = {};
  for (let at = 0; at < names.length; at += 1) cells[names[at]] = unescaped(fields[at] ?? "");
  return faultsOf(cells, kind);
}

const ROW_FAULTS = {
  extra_fields: "the row has more cells than the header; check its delimiters and quotes",
  stray_quote: "text stands after a closing quote; double the quotes inside a quoted cell",
};
const ofRow = (code) => ({ column: "", code, message: ROW_FAULTS[code], value: null });

/**
 * Hands over record after record, for as long as `take(cells, broken, end, opened)` says so.
 *
 * `broken` is `stray_quote` when text stands after a closing quote: that record ends with its line,
 * as on the server. It is `unbalanced_quote` when a quote is not closed where it may be. Either is
 * about the quote at `opened`.
 */
function parsed(text, delimiter, take) {
  let from = 0;
  while (from !== null && from < text.length) {
    const start = from;
    from = null;
    Papa.parse(text.slice(start), {
      delimiter,
      newline: "\n",
      skipEmptyLines: false,
      step({ data, errors, meta }, parser) {
        const torn = errors.find(({ type }) => type === "Quotes");
        const opened = start + (torn?.index ?? 0);
        const end = torn ? lineEnd(text, opened) : start + meta.cursor;
        const goesOn = take(data, torn && brokenAs(text.slice(opened, end)), end, opened);
        if (goesOn && torn) from = end;
        if (!goesOn || torn) parser.abort();
      },
    });
  }
}

const lineEnd = (text, at) => (text.indexOf("\n", at) + 1 || text.length);

/** What is wrong with a field, from its quote to the end of the line. */
const brokenAs = (line) =>
  line.slice(1).replaceAll('""', "").includes('"') ? "stray_quote" : "unbalanced_quote";
