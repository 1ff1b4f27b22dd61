// The table of the rows that an import did not take, whose cells can be corrected in it.
import { useSignal } from "@preact/signals";
import { matched } from "./header.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { number } from "./parts.js";
import { link } from "./route.js";
import { faultOf } from "./rules.js";

export function FaultTable({ job, rows, draft, kind }) {
  return html`<div class="scroll" role="region" aria-label="Faulty rows" tabindex="0">
    <table class="faults">
      <caption class="unseen">Faulty rows of import ${job.id}</caption>
      <thead>
        <tr><th scope="col" class="number">Row</th><th scope="col" class="number wide">Line</th>
          <th scope="col">Column</th><th scope="col">Value</th>
          <th scope="col">What is wrong</th></tr>
      </thead>
      ${rows.map((row) => html`<${FaultyRow} key=${row.row} ...${{ job, row, draft, kind }} />`)}
    </table>
  </div>`;
}

function FaultyRow({ job, row, draft, kind }) {
  const whole = useSignal(false);
  const sent = draft.value.sent[row.row];
  const named = row.errors.filter(({ column }) => column);
  const faults = row.errors.map((error, at) => ({ ...error, at }));
  const others = whole.value ? othersOf(job, row, named) : [];
  const lines = [...faults, ...others.map((column) => ({ column, message: "" }))];
  return html`<tbody>
    ${lines.map(
      (fault, at) => html`<tr key=${`${fault.column}-${at}`}>
        ${
          at === 0 &&
          html`<th scope="rowgroup" class="number" rowspan=${lines.length}>${number(row.row)}
            <button type="button" class="plain small" title="All cells"
              aria-expanded=${whole.value ? "true" : "false"} aria-label="All cells of row ${row.row}"
              onClick=${() => (whole.value = !whole.value)}><${Icon} name="menu" /></button>
          </th>
          <td class="number wide" rowspan=${lines.length}>${number(row.line)}</td>`
        }
        <td>${
          fault.column
            ? html`<code>${fault.column}</code>`
            : html`<span class="soft">the whole row</span>`
        }</td>
        <td>${fault.column && html`<${Cell} ...${{ row, draft, sent }} column=${fault.column} />`}</td>
        <td>${
          sent && at === 0
            ? html`<${Icon} name="check" /> Sent in <a
                href=${link(`imports/${job.kind}/${sent}`, { of: job.id })}>import ${sent}</a>`
            : html`<${Verdict} row=${row} fault=${fault} draft=${draft} kind=${kind} />`
        }</td>
      </tr>`,
    )}
  </tbody>`;
}

/** The columns of the file in which nothing is wrong. */
function othersOf(job, row, faults) {
  const wrong = new Set(faults.map(({ column }) => column));
  const columns = job.detected?.columns ?? Object.keys(row.data);
  return columns.filter((column) => column && !column.startsWith("_") && !wrong.has(column));
}

function Cell({ row, column, draft, sent }) {
  const value = draft.value.cells[row.row]?.[column] ?? row.data[column] ?? "";
  const type = ({ currentTarget }) => {
    const { cells, rows, ...rest } = draft.value;
    const mine = { ...cells[row.row], [column]: currentTarget.value };
    if (currentTarget.value === (row.data[column] ?? "")) delete mine[column];
    const all = { ...cells, [row.row]: mine };
    if (!Object.keys(mine).length) delete all[row.row];
    draft.value = { ...rest, cells: all, rows: { ...rows, [row.row]: row }, external_id: "" };
  };
  const changed = draft.value.cells[row.row]?.[column] !== undefined;
  return html`<input class="cell" value=${value} aria-label="Row ${row.row}, ${column}"
    readonly=${Boolean(sent)} data-changed=${changed ? "" : undefined} spellcheck="false"
    onInput=${type} />`;
}

/** What was wrong; once the cell was changed, what is wrong with it now. */
function Verdict({ row, fault, draft, kind }) {
  const value = draft.value.cells[row.row]?.[fault.column];
  if (value === undefined) return fault.message;
  const left = kind && faultNow(fault.column, value, kind);
  if (left) return html`<span class="wrong">${left.message}</span>`;
  return html`<span class="righted"><${Icon} name="check" />Corrected</span>`;
}

export function faultNow(column, value, kind) {
  const [name] = matched([column], Object.keys(kind.columns), kind.format);
  if (kind.required.includes(name) && !value.trim()) return { message: "must not be blank" };
  return faultOf(name, value, kind);
}
