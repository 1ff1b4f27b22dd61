// Parse the records of a CSV file like the server does.
import Papa from "papaparse";

/** An error for which the server rejects the whole file. */
export class BadFile extends Error {
  constructor(code, message, line = 1, column = null) {
    super(message);
    Object.assign(this, { code, line, column });
  }
}

export const countLines = (text) => (text.match(/\r\n?|\n/g) ?? []).length;
/** Whether all cells are empty or white space within one line, by the server's definition. */
export const isBlank = (cells) => cells.every((cell) => /^[^\S\r\n\ufeff]*$/.test(cell));

/**
 * Call `take(cells, fault, end, quoteAt)` with each record, as long as it returns true.
 *
 * `fault` is `stray_quote` if text follows a closing quote: the record then ends with its line, as on
 * the server. It is `unbalanced_quote` if a quote is not closed. `quoteAt` is the quote's position.
 */
export function parseRecords(text, delimiter, take) {
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
        const error = errors.find(({ type }) => type === "Quotes");
        const quoteAt = start + (error?.index ?? 0);
        const end = error ? findLineEnd(text, quoteAt) : start + meta.cursor;
        const goOn = take(data, error && quoteFault(text.slice(quoteAt, end)), end, quoteAt);
        if (goOn && error) from = end;
        if (!goOn || error) parser.abort();
      },
    });
  }
}

const findLineEnd = (text, at) => text.indexOf("\n", at) + 1 || text.length;

/** The fault of a field, given the text from its quote to the end of the line. */
const quoteFault = (line) =>
  line.slice(1).replaceAll('""', "").includes('"') ? "stray_quote" : "unbalanced_quote";
