// Records of a CSV file, as the server reads them.
import Papa from "papaparse";

/** Why the server would take nothing of the file. */
export class BadFile extends Error {
  constructor(code, message, line = 1, column = null) {
    super(message);
    Object.assign(this, { code, line, column });
  }
}

export const linesIn = (text) => (text.match(/\r\n?|\n/g) ?? []).length;
/** White space of any kind on one line, as the server has it. */
export const isBlank = (cells) => cells.every((cell) => /^[^\S\r\n\ufeff]*$/.test(cell));

/**
 * Hands over record after record, for as long as `take(cells, broken, end, opened)` says so.
 *
 * `broken` is `stray_quote` when text stands after a closing quote: that record ends with its line,
 * as on the server. It is `unbalanced_quote` when a quote is not closed where it may be. Either is
 * about the quote at `opened`.
 */
export function parsed(text, delimiter, take) {
  let from = 0;
  while (from !== null && from < text.length) {
    const start = from;
    from = null;
    // Papa leaves out one byte order mark at the start; here it is part of the first cell.
    const mark = text[start] === "\ufeff" ? "\ufeff" : "";
    Papa.parse(mark + text.slice(start), {
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

const lineEnd = (text, at) => text.indexOf("\n", at) + 1 || text.length;

/** What is wrong with a field, from its quote to the end of the line. */
const brokenAs = (line) =>
  line.slice(1).replaceAll('""', "").includes('"') ? "stray_quote" : "unbalanced_quote";
