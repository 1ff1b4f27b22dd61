// How a file is written: its encoding, delimiter and columns, or why the server would not take it.
import { BadFile, isBlank, linesIn, parsed } from "./csv.js";
import { decode } from "./encoding.js";
import { matched, similarColumns } from "./header.js";
import { around, unescaped } from "./rules.js";

/** Characters in which the header is looked for. */
const HEAD = 256 * 1024;

/**
 * `{text, encoding}` of a file, its line ends all of one kind; of a file that is `cut`, its whole
 * lines. `requested` is an encoding, or blank.
 */
export function decoded(bytes, requested, rules, cut) {
  const head = String.fromCharCode(...bytes.subarray(0, 4096));
  for (const [source, flags, seems] of rules.magic) {
    const pattern = new RegExp(source, `y${flags & 2 ? "i" : ""}${flags & 16 ? "s" : ""}`);
    if (pattern.test(head))
      throw new BadFile("not_text", `This is not a CSV file; it seems to be ${seems}.`);
  }
  const { text, encoding } = decode(bytes, requested, cut);
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    throw new BadFile(
      "not_text",
      "There is a zero byte, so it is not text. Save it as CSV UTF-8.",
      linesIn(text.slice(0, nul)) + 1,
    );
  }
  const lines = text.replace(/\r\n?/g, "\n");
  return { text: cut ? lines.slice(0, lines.lastIndexOf("\n") + 1) : lines, encoding };
}

/** Whether the first number that differs is higher. */
function isHigher(score, other) {
  const at = score.findIndex((number, index) => number !== other[index]);
  return at >= 0 && score[at] > other[at];
}

/** Delimiter and columns: the delimiter that finds most known columns, then required ones. */
export function detected(text, kind, rules) {
  const sep = /^"?sep=([^\n"])"?(?:\n|$)/i.exec(text);
  const start = sep ? sep[0].length : 0;
  if (sep && !rules.delimiters.includes(sep[1])) {
    throw new BadFile(
      "unsupported_delimiter",
      `The delimiter ${sep[1]} is not read; use a comma, semicolon, tab or |.`,
    );
  }
  const head = text.slice(start, start + HEAD);
  if (!head.trim()) throw new BadFile("empty_file", "The file is empty.", linesIn(text) + 1);
  const tried = (sep ? [sep[1]] : rules.delimiters).map((delimiter) =>
    headerOf(head, delimiter, kind, rules.format),
  );
  const best = tried.reduce((a, b) => (isHigher(b.score, a.score) ? b : a));
  refuse(best, best.line + (sep ? 1 : 0), kind, rules);
  return { ...best, start: start + best.end, line: best.line + (sep ? 1 : 0) + linesIn(best.text) };
}

/** A header without what surrounds it: blanks, invisible marks, quotes after a blank. */
function headerName(cell, surrounding) {
  let name = cell.replace(surrounding, "");
  if (name !== cell && name.length > 1 && name[0] === '"' && name.at(-1) === '"')
    name = name.slice(1, -1);
  return unescaped(name).replace(surrounding, "");
}

function headerOf(head, delimiter, kind, format) {
  const surrounding = around(format);
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
    const columns = cells.map((cell) => headerName(cell, surrounding));
    found = { delimiter, columns, broken, line, text, end: cursor };
    return false;
  });
  if (!found) throw new BadFile("empty_file", "The file is empty.", line);
  found.names = matched(found.columns, Object.keys(kind.columns), format);
  const count = (wanted) => new Set(found.names.filter((name) => name && wanted(name))).size;
  found.score = [
    count((name) => Object.hasOwn(kind.columns, name)),
    count((name) => kind.required.includes(name)),
    found.columns.filter((name) => name).length,
  ];
  return found;
}

function refuse({ columns, names, broken, text }, line, kind, { report, most, format }) {
  if (broken)
    throw new BadFile(
      "unbalanced_quote",
      "A quote in the header is not closed, or text follows its closing quote.",
      line,
    );
  const named = names.filter((name) => name && !report.includes(name)).length;
  if (named > most.columns)
    throw new BadFile(
      "too_many_columns",
      `There are ${named} columns; at most ${most.columns} are read.`,
      line,
    );
  if (new TextEncoder().encode(text).length > most.header)
    throw new BadFile(
      "header_too_long",
      `The header is longer than ${most.header / 1024} KB.`,
      line,
    );
  const twice = columns.find((column, at) => column && names.indexOf(names[at]) < at);
  if (twice) {
    const first = columns[names.indexOf(names[columns.lastIndexOf(twice)])];
    const message =
      first === twice
        ? `The column ${twice} is there more than once.`
        : `${first} and ${twice} are the same column: remove one of them.`;
    throw new BadFile("duplicate_header", message, line, twice);
  }
  const missing = kind.required.filter((name) => !names.includes(name)).sort();
  const known = Object.keys(kind.columns);
  if (!missing.length && known.some((name) => names.includes(name))) return;
  const similar = similarColumns(columns, names, known, format)
    .map(({ column, similar }) => ` Rename ${column} if it is ${similar.join(" or ")}.`)
    .join("");
  const message = missing.length
    ? `Required columns are missing: ${missing.join(", ")}.`
    : `There is no column of this kind of file: ${known.join(", ")}.`;
  throw new BadFile("missing_header", message + similar, line, missing[0]);
}
