// The table of rows with errors, with editable cells.

/** @import { Signal } from "@preact/signals" */
/** @import { Import, InvalidRow } from "../api/types.ts" */
/** @import { Kind } from "../csv/rules.js" */
import { useSignal } from "@preact/signals";
import { formatNumber } from "../parts/formats.js";
import { matchColumns } from "../csv/header.js";
import { createRowReader, mappedHeaders } from "../csv/mapping.js";
import { html } from "../parts/html.js";
import { ColumnName, labelColumn } from "./column_names.js";
import { Icon } from "../parts/icons.js";
import { link } from "../parts/route.js";
import { mayBeBlank, validateCell } from "../csv/rules.js";

/**
 * A row with errors, with its cells by column.
 *
 * @typedef {Omit<InvalidRow, "row" | "data"> & { row: number, data: Record<string, string> }} FailedRow
 */

/**
 * The edited cells of an import by row, the rows that have them, and the imports to which rows were sent.
 *
 * @typedef {object} Draft
 * @property {Record<string, Record<string, string>>} cells
 * @property {Record<string, FailedRow>} rows
 * @property {Record<string, number>} sent
 * @property {string} external_id
 */

/** @typedef {{ column?: string | null, message: string }} Line a fault, or a column without a fault */

/** @param {{ job: Import, rows: FailedRow[], draft: Signal<Draft>, kind: Kind | null }} props */
export function FaultTable({ job, rows, draft, kind }) {
  return html`<div class="scroll" role="region" aria-label="Rows with errors" tabindex="0">
    <table class="faults">
      <caption class="visually-hidden">Rows with errors of import ${job.id}</caption>
      <thead>
        <tr><th scope="col" class="number">Row</th><th scope="col" class="number wide">Line</th>
          <th scope="col">Column</th><th scope="col">Value</th>
          <th scope="col">Problem</th></tr>
      </thead>
      ${rows.map((row) => html`<${FaultRows} key=${row.row} ...${{ job, row, draft, kind }} />`)}
    </table>
  </div>`;
}

/** @param {{ job: Import, row: FailedRow, draft: Signal<Draft>, kind: Kind | null }} props */
function FaultRows({ job, row, draft, kind }) {
  const expanded = useSignal(false);
  const sent = draft.value.sent[row.row];
  const columnFaults = row.errors.filter(({ column }) => column);
  const others = expanded.value ? findOtherColumns(job, row, columnFaults) : [];
  /** @type {Line[]} */
  const lines = [...row.errors, ...others.map((column) => ({ column, message: "" }))];
  return html`<tbody>
    ${lines.map(
      (fault, at) => html`<tr key=${`${fault.column}-${at}`}>
        ${
          at === 0 &&
          html`<th scope="rowgroup" class="number" rowspan=${lines.length}>${formatNumber(row.row)}
            <button type="button" class="plain small" title="Show all cells"
              aria-expanded=${expanded.value ? "true" : "false"} aria-label="Show all cells of row ${row.row}"
              onClick=${() => (expanded.value = !expanded.value)}><${Icon} name="menu" /></button>
          </th>
          <td class="number wide" rowspan=${lines.length}>${formatNumber(row.line)}</td>`
        }
        <td>${
          fault.column
            ? html`<${ColumnName} of=${fault.column} />`
            : html`<span class="soft">entire row</span>`
        }</td>
        <td>${fault.column && html`<${Cell} ...${{ row, draft, sent }} column=${fault.column} />`}</td>
        <td>${
          sent && at === 0
            ? html`<${Icon} name="check" /> Re-imported in <a
                href=${link(`imports/${job.kind}/${sent}`, { of: job.id })}>#${sent}</a>`
            : html`<${CellProblem} row=${row} fault=${fault} draft=${draft} kind=${kind} />`
        }</td>
      </tr>`,
    )}
  </tbody>`;
}

/**
 * The columns of the file without a fault.
 *
 * @type {(job: Import, row: FailedRow, faults: InvalidRow["errors"]) => string[]}
 */
function findOtherColumns(job, row, faults) {
  const faulty = new Set(faults.map(({ column }) => column));
  const columns = job.detected?.columns ?? Object.keys(row.data);
  return columns.filter((column) => column && !column.startsWith("_") && !faulty.has(column));
}

/** @param {{ row: FailedRow, column: string, draft: Signal<Draft>, sent?: number }} props */
function Cell({ row, column, draft, sent }) {
  const value = draft.value.cells[row.row]?.[column] ?? row.data[column] ?? "";
  /** @param {{ currentTarget: HTMLInputElement }} event */
  const edit = ({ currentTarget }) => {
    const { cells, rows, ...rest } = draft.value;
    /** @type {Record<string, string>} */
    const changes = { ...cells[row.row], [column]: currentTarget.value };
    if (currentTarget.value === (row.data[column] ?? "")) delete changes[column];
    /** @type {Draft["cells"]} */
    const all = { ...cells, [row.row]: changes };
    if (!Object.keys(changes).length) delete all[row.row];
    draft.value = { ...rest, cells: all, rows: { ...rows, [row.row]: row }, external_id: "" };
  };
  const changed = draft.value.cells[row.row]?.[column] !== undefined;
  return html`<input class="cell" value=${value} aria-label="Row ${row.row}, ${labelColumn(column) ?? column}"
    readonly=${Boolean(sent)} data-changed=${changed ? "" : undefined} spellcheck=${false}
    onInput=${edit} />`;
}

/**
 * The fault of a cell; of an edited cell, its current fault, once the rules are loaded.
 *
 * @param {{ row: FailedRow, fault: Line, draft: Signal<Draft>, kind: Kind | null }} props
 */
function CellProblem({ row, fault, draft, kind }) {
  const value = fault.column ? draft.value.cells[row.row]?.[fault.column] : undefined;
  if (!kind || !fault.column || value === undefined) return fault.message;
  const current = validateEdit(fault.column, value, kind, row.errors);
  if (current) return html`<span class="wrong">${current.message}</span>`;
  return html`<span class="fixed"><${Icon} name="check" />Fixed</span>`;
}

/**
 * The fault of an edited cell; `errors` are those of its row as it was.
 *
 * @type {(column: string, value: string, kind: Kind, errors?: FailedRow["errors"]) => { message: string } | null}
 */
export function validateEdit(column, value, kind, errors = []) {
  const known = Object.keys(kind.columns);
  const mapped = mappedHeaders(kind);
  const names = matchColumns([column], known, kind.format, mapped);
  const values = { ...kind.mapping, constants: {} };
  const [cell] = createRowReader(values, names, kind)([value]);
  const [name] = names;
  const hasNoKey = errors.some((each) => each.column === column && each.code === "key_not_allowed");
  if (kind.required.includes(name) && !cell.trim() && !hasNoKey && !mayBeBlank(name, kind))
    return { message: "must not be blank" };
  return validateCell(name, cell, kind);
}
