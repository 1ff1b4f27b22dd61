// The result of a file check: format, first rows, warnings and errors.

/** @import { Checking, Result, Workbook } from "../csv/check_worker.js" */
/** @import { Dates } from "../csv/day_order.js" */
/** @import { Checked, FileError as Refusal } from "../csv/file_check.js" */
/** @import { CellFault } from "../csv/rules.js" */
/** @import { Column } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import { groupOf } from "../csv/fault_groups.js";
import { Button } from "../parts/buttons.js";
import { FaultGroups } from "./fault_groups.js";
import { Field } from "../parts/fields.js";
import { formatCount, formatNumber } from "../parts/formats.js";
import { ColumnName, labelColumn } from "./column_names.js";
import { html } from "../parts/html.js";
import { Loading, Notice, Table } from "../parts/parts.js";

/** @typedef {(encoding: string) => void} OnEncoding */
/** @typedef {(dates: Dates) => void} OnDates */
/** @typedef {(sheet: string) => void} OnSheet */
/** @import { OnReplace, Validate } from "./fault_groups.js" */

/** Errors that are listed at first. */
const SHOWN_FAULTS = 20;

/** @type {Record<string, string>} */
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe" };

/**
 * @param {{
 *   file: File,
 *   result: Checking | Result | null,
 *   encoding: string,
 *   onEncoding: OnEncoding,
 *   dates: Dates,
 *   onDates: OnDates,
 *   onSheet: OnSheet,
 *   onRetry: () => void,
 *   onReplace: OnReplace,
 *   validate: Validate,
 * }} props
 */
export function CheckedFile(props) {
  const {
    file,
    result,
    encoding,
    onEncoding,
    dates,
    onDates,
    onSheet,
    onRetry,
    onReplace,
    validate,
  } = props;
  if (!result?.done) {
    return html`<article>
      <h2>Checking ${file.name}…</h2>
      <progress max="1" value=${result?.share ?? 0} aria-label="Checking the file"></progress>
      <${Loading} rows=${4} text="Checking the file" />
    </article>`;
  }
  const { workbook } = result;
  if (result.error)
    return html`<${FileError} error=${result.error} ...${{ encoding, onEncoding, onRetry }} />
      ${workbook && html`<div class="file-format"><${Sheet} ...${{ workbook, onSheet }} /></div>`}`;
  return html`
    <${Summary} result=${result} />
    <div class="file-format">
      ${
        workbook
          ? html`<${Sheet} ...${{ workbook, onSheet }} />`
          : html`<${Encoding} ...${{ result, encoding, onEncoding }} />`
      }
      ${result.dates.example && html`<${DateOrder} ...${{ dates, onDates }} />`}
    </div>
    ${dates === "iso" && result.dates.example && html`<${DateNotice} ...${{ result, onDates }} />`}
    ${
      result.unknown.length > 0 &&
      html`<${Notice} kind="warning" title="${formatCount(result.unknown.length, "unrecognized column")} will be ignored">
      <p>${result.unknown.map((name) => html`<code>${name}</code> `)}</p>
    <//>`
    }
    ${
      result.similar.length > 0 &&
      html`<${Notice} kind="warning" title="${formatCount(result.similar.length, "column")} may be misspelled">
      ${result.similar.map(
        ({
          column,
          similar,
        }) => html`<p><code>${column}</code> is not a known column, but similar to
          ${similar.map((name) => html` <${ColumnName} of=${name} />`)}.</p>`,
      )}
      <p>Choose its column above, leave it out there, or ignore all of them below.</p>
    <//>`
    }
    ${result.warnings.map(
      (text) => html`<${Notice} kind="warning" title="Check this file"><p>${text}</p><//>`,
    )}
    ${result.faults.length > 0 && html`<${Faults} ...${{ result, onReplace, validate }} />`}
    ${result.repeated.rows > 0 && html`<${Repeated} ...${result.repeated} />`}
    <section class="part">
      <h2>First rows</h2>
      <${Table} caption="First rows of the file" rows=${result.preview} columns=${previewColumns(result)} />
    </section>
  `;
}

/**
 * The sheet that is imported, and the choice of another.
 *
 * @param {{ workbook: Workbook, onSheet: OnSheet }} props
 */
function Sheet({ workbook: { sheets, sheet }, onSheet }) {
  if (!sheets.length) return null;
  return html`<${Field} as="select" label="Sheet" value=${sheet} onInput=${onSheet}>
    ${sheets.map((name) => html`<option value=${name}>${name}</option>`)}
  <//>`;
}

/** @type {Record<string, string>} */
const ENCODING_NAMES = { "windows-1252": "Windows-1252" };

/**
 * @param {{
 *   error: Refusal,
 *   encoding: string,
 *   onEncoding: OnEncoding,
 *   onRetry: () => void,
 * }} props
 */
function FileError({ error, encoding, onEncoding, onRetry }) {
  const unchecked = error.code === "unchecked";
  const title = unchecked ? "Couldn’t check this file" : "Can’t import this file";
  return html`<${Notice} kind="error" title=${title} onRetry=${unchecked && onRetry}>
    <p>${(error.line ?? 0) > 1 && `Line ${formatNumber(error.line)}: `}${error.message}</p>
    ${
      error.message.includes("as Windows-1252.") &&
      !encoding &&
      html`<${Button} plain onPress=${() => onEncoding("windows-1252")}>Try Windows-1252 (older Excel files)<//>`
    }
  <//>
  ${
    encoding &&
    html`<div class="file-format">
      <${Encoding} ...${{ result: {}, encoding, onEncoding }} />
    </div>`
  }`;
}

/**
 * The encoding in use, and the choice of another. A file that is checked to its end has no other
 * encoding; a larger one can still turn out to be Windows-1252.
 *
 * @param {{ result: { encoding?: string, cut?: boolean }, encoding: string, onEncoding: OnEncoding }} props
 */
function Encoding({ result, encoding, onEncoding }) {
  const found = result.encoding ?? "";
  const soFar = result.cut && found === "utf-8" ? " so far" : "";
  const name = `${ENCODING_NAMES[found] ?? found.toUpperCase()}${soFar}`;
  return html`<${Field} as="select" label="Encoding" value=${encoding} onInput=${onEncoding}>
    <option value="">Automatic${!encoding && name ? ` (${name})` : ""}</option>
    <option value="windows-1252">Windows-1252</option>
  <//>`;
}

/** @type {[value: Dates, text: string, example: string][]} */
const DATE_ORDERS = [
  ["iso", "Year first only", "2027-12-31"],
  ["dmy", "Day, month, year", "31.12.2027"],
  ["mdy", "Month, day, year", "12/31/2027"],
];

/** @param {{ dates: Dates, onDates: OnDates }} props */
function DateOrder({ dates, onDates }) {
  return html`<${Field} as="select" label="Dates" value=${dates} onInput=${onDates}>
    ${DATE_ORDERS.map(
      ([value, text, example]) => html`<option value=${value}>${text} (${example})</option>`,
    )}
  <//>`;
}

/**
 * Offers the only order that all dates of the file fit, or asks for it.
 *
 * @param {{ result: Checked, onDates: OnDates }} props
 */
function DateNotice({ result: { dates, cut }, onDates }) {
  const order = DATE_ORDERS.find(([value]) => value === dates.suggested);
  const title = `Dates such as ${dates.example} do not begin with the year`;
  if (!order) {
    return html`<${Notice} kind="warning" title=${title}>
      <p>Choose above whether the day or the month comes first. Otherwise their rows have errors.</p>
    <//>`;
  }
  return html`<${Notice} kind="warning" title=${title}>
    <p>All dates${cut ? " that were checked" : ""} can be read as ${order[1].toLowerCase()}, and not all of them in another order.</p>
    <${Button} plain onPress=${() => onDates(order[0])}>Read dates as ${order[1].toLowerCase()}<//>
  <//>`;
}

/** @param {{ result: Checked }} props */
function Summary({ result }) {
  const format = `${formatCount(result.columns.length, "column")}, ${DELIMITERS[result.delimiter]}-separated.`;
  const cut = result.cut
    ? " The first 128 MB were checked; the rest is checked during the import."
    : "";
  if (!result.rows) {
    return html`<${Notice} kind="warning" title="This file has no rows">
      <p>It contains only a header. Add rows below it and choose the file again.</p>
    <//>`;
  }
  if (!result.faulty) {
    return html`<${Notice} kind="success" title="${formatCount(result.rows, "row")}, no errors found">
      <p>${format}${cut} Products and existing records are checked during the import.</p>
    <//>`;
  }
  const verb = result.faulty === 1 ? "has" : "have";
  const title = `${formatNumber(result.faulty)} of ${formatCount(result.rows, "row")} ${verb} errors`;
  const someValid = result.faulty < result.rows || result.cut;
  return html`<${Notice} kind="warning" title=${title}>
    <p>${format}${cut} Fix the file and re-upload${
      someValid && ", or import the valid rows now and fix the rest here"
    }.</p>
  <//>`;
}

/** @param {{ result: Checked, onReplace: OnReplace, validate: Validate }} props */
function Faults({ result, onReplace, validate }) {
  const selected = useSignal("");
  const limit = useSignal(SHOWN_FAULTS);
  const rows = result.faults.flatMap(({ row, line, errors }) =>
    errors
      .filter((error) => !selected.value || groupOf(error) === selected.value)
      .map((error) => ({ row, line, ...error })),
  );
  const isSelected = result.groups.some(({ id }) => id === selected.value);
  if (selected.value && !isSelected) selected.value = "";
  return html`<section class="part">
    <h2>Errors</h2>
    <p class="soft">Replace a value in all rows here; the file itself stays as it is. Choose a number of rows to see only these.</p>
    <${FaultGroups} groups=${result.groups} selected=${selected.value}
      onSelect=${(/** @type {string} */ id) => (selected.value = id)} onReplace=${onReplace} validate=${validate} />
    <div class="tall">
      <${Table} caption="Errors in the file" rows=${rows.slice(0, limit.value)} columns=${FAULT_COLUMNS} />
    </div>
    ${
      rows.length > limit.value &&
      html`<${Button} plain onPress=${() => (limit.value = rows.length)}>Show ${formatCount(rows.length, "error")}<//>`
    }
    ${
      result.faulty > result.faults.length &&
      html`<p class="soft">The rows of the first ${formatNumber(result.faults.length)} of ${formatNumber(result.faulty)} rows with errors are listed.</p>`
    }
  </section>`;
}

/**
 * Rows with the key of an earlier row, which may be errors: only the server knows all values.
 *
 * @param {import("../csv/file_check.js").Repeated} repeated
 */
function Repeated({ rows, listed }) {
  const { what } = listed[0];
  const differ = listed.some(({ different }) => different.length);
  return html`<section class="part">
    <h2>Duplicate rows${rows > listed.length && html` <span class="soft">first ${listed.length}</span>`}</h2>
    <p>${formatCount(rows, "row has", "rows have")} the ${what} of an earlier row. Rows with the same values are
      counted as existing.${differ && " Rows with other values become errors, unless the product’s defaults are the same."}</p>
    <div class="tall">
      <${Table} caption="Duplicate rows in the file" rows=${listed} columns=${REPEATED_COLUMNS} />
    </div>
  </section>`;
}

/** @type {(first: number, columns: string[]) => unknown} */
const compareWith = (first, columns) =>
  columns.length
    ? html`Row ${formatNumber(first)} has other values in${columns.map((column) => html` <${ColumnName} of=${column} />`)}`
    : `Same as row ${formatNumber(first)}`;

/** @type {Column<import("../csv/file_check.js").RepeatedRow>[]} */
const REPEATED_COLUMNS = [
  { head: "Row", kind: "number", cell: ({ row }) => formatNumber(row) },
  { head: "Line", kind: "number", wide: true, cell: ({ line }) => formatNumber(line) },
  { head: "Value", kind: "code", cell: ({ value }) => value },
  { head: "Compared", kind: "long", cell: ({ first, different }) => compareWith(first, different) },
];

/** @type {Column<CellFault & { row: number, line: number }>[]} */
const FAULT_COLUMNS = [
  { head: "Row", kind: "number", cell: (fault) => formatNumber(fault.row) },
  { head: "Line", kind: "number", wide: true, cell: (fault) => formatNumber(fault.line) },
  { head: "Column", cell: (fault) => fault.column && html`<${ColumnName} of=${fault.column} />` },
  { head: "Value", cell: (fault) => fault.value ?? html`<span class="soft">(empty)</span>` },
  { head: "Problem", cell: (fault) => fault.message },
];

/**
 * The columns that have a value in the first rows.
 *
 * @type {(result: Checked) => Column<string[]>[]}
 */
function previewColumns({ columns, preview }) {
  return columns
    .map((head, at) => ({ head, at }))
    .filter(({ head, at }) => head && preview.some((cells) => cells[at]?.trim()))
    .map(({ head, at }) => ({
      head: labelColumn(head) ? html`<${ColumnName} of=${head} />` : head,
      kind: "line",
      cell: (cells) => cells[at],
    }));
}
