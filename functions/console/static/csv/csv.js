// Parse the records of a CSV file like the server does.
import Papa from "papaparse";

/** An error for which the server rejects the whole file. */
export class BadFile extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} line
   * @param {string | null} column
   */
  constructor(code, message, line = 1, column = null) {
    super(message);
    this.code = code;
    this.line = line;
    this.column = column;
    /** @type {{ columns: string[], names: string[], delimiter: string, start: number } | null} */
    this.header = null; // of a file that another mapping might make valid
  }
}

export const countLines = (/** @type {string} */ text) => (text.match(/\r\n?|\n/g) ?? []).length;
/** Whether all cells are empty or white space within one line, by the server's definition. */
export const isBlank = (/** @type {string[]} */ cells) =>
  cells.every((cell) => /^[^\S\r\n\ufeff]*$/.test(cell));

/** @typedef {"stray_quote" | "unbalanced_quote"} QuoteFault */

/**
 * Call `take(cells, fault, end, quoteAt)` with each record, as long as it returns true.
 *
 * `fault` is `stray_quote` if text follows a closing quote: the record then ends with its line, as on
 * the server. It is `unbalanced_quote` if a quote is not closed. `quoteAt` is the quote's position.
 *
 * @param {string} text
 * @param {string} delimiter
 * @param {(cells: string[], fault: QuoteFault | undefined, end: number, quoteAt: number) => boolean} take
 */
export function parseRecords(text, delimiter, take) {
  /** @type {number | null} */
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
        // Papa's index is after the quote.
        const quoteAt = start + (error?.index ?? 1) - 1;
        const end = error ? findLineEnd(text, quoteAt) : start + meta.cursor;
        const goOn = take(data, error && quoteFault(text.slice(quoteAt, end)), end, quoteAt);
        if (goOn && error) from = end;
        if (!goOn || error) parser.abort();
      },
    });
  }
}

/** @type {(text: string, at: number) => number} */
const findLineEnd = (text, at) => text.indexOf("\n", at) + 1 || text.length;

/**
 * The fault of a field, given the text from its quote to the end of the line.
 *
 * @type {(line: string) => QuoteFault}
 */
const quoteFault = (line) =>
  line.slice(1).replaceAll('""', "").includes('"') ? "stray_quote" : "unbalanced_quote";
