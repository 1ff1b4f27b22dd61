// What was found in a file before it is sent: how it is written, its first rows, and its faults.
import { Button } from "./fields.js";
import { html } from "./html.js";
import { count, Loading, Notice, number, Table } from "./parts.js";

const DELIMITERS = { ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars" };

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
    ${
      found.unknown.length > 0 &&
      html`<${Notice} kind="warning" title="${count(found.unknown.length, "column")} not known, and left out">
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
      <p>Rename it in the file, or leave it out below.</p>
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

function Refused({ refusal, encoding, onEncoding, again }) {
  const unchecked = refusal.code === "unchecked";
  const title = unchecked ? "This file was not checked" : "This file can't be imported";
  return html`<${Notice} kind="error" title=${title} again=${unchecked && again}>
    <p>${refusal.line > 1 && `Line ${number(refusal.line)}: `}${refusal.message}</p>
    ${
      refusal.message.includes("Windows-1252.") &&
      !encoding &&
      html`<${Button} plain onPress=${() => onEncoding("windows-1252")}>Read it as Windows-1252<//>`
    }
  <//>`;
}

function Verdict({ found }) {
  const written = `${DELIMITERS[found.delimiter]}, ${count(found.columns.length, "column")}`;
  const cut = found.cut
    ? " The file is large: its first 128 MB were checked, the rest will be while it is imported."
    : "";
  if (!found.rows) {
    return html`<${Notice} kind="warning" title="There are no rows in this file">
      <p>Only its header is there.</p>
    <//>`;
  }
  if (!found.faulty) {
    return html`<${Notice} kind="success" title="${count(found.rows, "row")}, no fault found">
      <p>Separated by ${written}.${cut} Products and what is there already are checked while it is
        imported.</p>
    <//>`;
  }
  const are = found.faulty === 1 ? "is" : "are";
  const title = `${count(found.faulty, "row")} of ${number(found.rows)} ${are} faulty`;
  return html`<${Notice} kind="warning" title=${title}>
    <p>Separated by ${written}.${cut} Correct them in the file and choose it again; or import it as it
      is, and correct them afterwards in the table.</p>
  <//>`;
}

function Faults({ found }) {
  const rows = found.faults.flatMap(({ row, line, errors }) =>
    errors.map((error) => ({ row, line, ...error })),
  );
  return html`<section class="part">
    <h2>Faults${
      found.faulty > found.faults.length &&
      html` <span class="soft">of the first ${found.faults.length} faulty rows</span>`
    }</h2>
    <div class="tall">
      <${Table} caption="Faults in the file" rows=${rows} columns=${[
        { head: "Row", kind: "number", cell: (fault) => number(fault.row) },
        { head: "Line", kind: "number", wide: true, cell: (fault) => number(fault.line) },
        { head: "Column", cell: (fault) => fault.column && html`<code>${fault.column}</code>` },
        { head: "Value", cell: (fault) => fault.value ?? html`<span class="soft">blank</span>` },
        { head: "What is wrong", cell: (fault) => fault.message },
      ]} />
    </div>
  </section>`;
}

/** Columns in which the first rows have something. */
function shown({ columns, preview }) {
  return columns
    .map((head, at) => ({ head, at }))
    .filter(({ head, at }) => head && preview.some((cells) => cells[at]?.trim()))
    .map(({ head, at }) => ({ head, kind: "line", cell: (cells) => cells[at] }));
}
