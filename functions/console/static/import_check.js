// The result of checking a file before upload: its format, its first rows, and its errors.
import { Button, Field } from "./fields.js";
import { html } from "./html.js";
import { count, Loading, Notice, number, Table } from "./parts.js";

const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar" };

export function CheckedFile({ file, found, encoding, onEncoding, again }) {
  if (!found?.done) {
    return html`<article>
      <h2>Checking ${file.name}</h2>
      <progress max="1" value=${found?.share ?? 0} aria-label="Checking the file"></progress>
      <${Loading} rows=${4} text="Checking the file" />
    </article>`;
  }
  if (found.refusal)
    return html`<${Refused} refusal=${found.refusal} ...${{ encoding, onEncoding, again }} />`;
  return html`
    <${Verdict} found=${found} />
    <${Encoding} ...${{ found, encoding, onEncoding }} />
    ${
      found.unknown.length > 0 &&
      html`<${Notice} kind="warning" title="${count(found.unknown.length, "unrecognized column")} will be ignored">
      <p>${found.unknown.map((name) => html`<code>${name}</code> `)}</p>
    <//>`
    }
    ${
      found.similar.length > 0 &&
      html`<${Notice} kind="warning" title="${count(found.similar.length, "column")} may be misspelled">
      ${found.similar.map(
        ({ column, similar }) => html`<p><code>${column}</code> is not known and is similar to
          ${similar.map((name) => html` <code>${name}</code>`)}, which is missing.</p>`,
      )}
      <p>Rename it in the file, or ignore it below.</p>
    <//>`
    }
    ${found.warnings.map(
      (text) => html`<${Notice} kind="warning" title="Check this file"><p>${text}</p><//>`,
    )}
    ${found.faults.length > 0 && html`<${Faults} found=${found} />`}
    <section class="part">
      <h2>First rows</h2>
      <${Table} caption="First rows of the file" rows=${found.preview} columns=${shown(found)} />
    </section>
  `;
}

const NAMES = { "windows-1252": "Windows-1252" };

function Refused({ refusal, encoding, onEncoding, again }) {
  const unchecked = refusal.code === "unchecked";
  const title = unchecked ? "This file was not checked" : "Can't import this file";
  return html`<${Notice} kind="error" title=${title} again=${unchecked && again}>
    <p>${refusal.line > 1 && `Line ${number(refusal.line)}: `}${refusal.message}</p>
    ${
      refusal.message.includes("as Windows-1252.") &&
      !encoding &&
      html`<${Button} plain onPress=${() => onEncoding("windows-1252")}>Try Windows-1252 (older Excel files)<//>`
    }
  <//>
  ${encoding && html`<${Encoding} ...${{ found: {}, encoding, onEncoding }} />`}`;
}

/** The encoding in use, and the choice of another. */
function Encoding({ found, encoding, onEncoding }) {
  const name = NAMES[found.encoding] ?? found.encoding?.toUpperCase();
  return html`<div class="encoding">
    <${Field} as="select" label="Encoding" value=${encoding} onInput=${onEncoding}>
      <option value="">Automatic${!encoding && name ? ` (${name})` : ""}</option>
      <option value="windows-1252">Windows-1252</option>
    <//>
  </div>`;
}

function Verdict({ found }) {
  const format = `${count(found.columns.length, "column")}, ${DELIMITERS[found.delimiter]}-separated.`;
  const cut = found.cut
    ? " The first 128 MB were checked; the rest is checked during the import."
    : "";
  if (!found.rows) {
    return html`<${Notice} kind="warning" title="This file has no rows">
      <p>It contains only a header.</p>
    <//>`;
  }
  if (!found.faulty) {
    return html`<${Notice} kind="success" title="${count(found.rows, "row")}, no errors found">
      <p>${format}${cut} Products and existing records are checked during the import.</p>
    <//>`;
  }
  const have = found.faulty === 1 ? "has" : "have";
  const title = `${number(found.faulty)} of ${count(found.rows, "row")} ${have} errors`;
  const some = found.faulty < found.rows || found.cut;
  return html`<${Notice} kind="warning" title=${title}>
    <p>${format}${cut} Fix the file and re-upload${
      some && ", or import the valid rows now and fix the rest here"}.</p>
  <//>`;
}

function Faults({ found }) {
  const rows = found.faults.flatMap(({ row, line, errors }) =>
    errors.map((error) => ({ row, line, ...error })),
  );
  return html`<section class="part">
    <h2>Errors${
      found.faulty > found.faults.length &&
      html` <span class="soft">first ${found.faults.length} rows</span>`
    }</h2>
    <div class="tall">
      <${Table} caption="Errors in the file" rows=${rows} columns=${[
        { head: "Row", kind: "number", cell: (fault) => number(fault.row) },
        { head: "Line", kind: "number", wide: true, cell: (fault) => number(fault.line) },
        { head: "Column", cell: (fault) => fault.column && html`<code>${fault.column}</code>` },
        { head: "Value", cell: (fault) => fault.value ?? html`<span class="soft">(empty)</span>` },
        { head: "Problem", cell: (fault) => fault.message },
      ]} />
    </div>
  </section>`;
}

/** Columns with a value in the first rows. */
function shown({ columns, preview }) {
  return columns
    .map((head, at) => ({ head, at }))
    .filter(({ head, at }) => head && preview.some((cells) => cells[at]?.trim()))
    .map(({ head, at }) => ({ head, kind: "line", cell: (cells) => cells[at] }));
}
