// Rows with errors: edit their cells, then re-import just those rows.

/** @import { Signal } from "@preact/signals" */
/** @import { Answer, Failure, Import, Loadable } from "../api/types.ts" */
/** @import { Mapping } from "../csv/mapping.js" */
/** @import { Kind } from "../csv/rules.js" */
/** @import { Draft, FailedRow } from "./fault_table.js" */
import { effect, signal, useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, Download, ErrorLine } from "../parts/buttons.js";
import { loadDraft, saveDraft } from "../forms/drafts.js";
import { FaultTable, validateEdit } from "./fault_table.js";
import { createMapping, sentMapping } from "./import_mapping.js";
import { formatCount } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { isStopped } from "./import_states.js";
import { useLoad } from "../api/load.js";
import { announce, Loaded, Notice } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { loadRules, writeCsv } from "../csv/rules.js";
import { key } from "../api/session.js";
import { startImport } from "../api/upload.js";

const LIMIT = 50;

/** @typedef {Answer<"get", "imports/1/errors/">} ErrorsPage */

/**
 * Drafts by import.
 *
 * @type {Record<number, Signal<Draft>>}
 */
let drafts = {};
effect(() => {
  if (!key.value) drafts = {};
});

/** @type {(id: number) => Signal<Draft>} */
function getDraft(id) {
  const name = `rows ${id}`;
  if (!drafts[id]) {
    /** @type {Draft} */
    const blank = { cells: {}, rows: {}, sent: {}, external_id: "" };
    drafts[id] = signal(loadDraft(name, blank) ?? blank);
    drafts[id].subscribe((draft) => saveDraft(name, draft));
  }
  return drafts[id];
}

/**
 * The rules of the cells of an import, with its order of dates and its mapping.
 *
 * @type {(job: Import, signal: AbortSignal) => Promise<Kind>}
 */
async function loadKind(job, signal) {
  const [{ kinds }, mapping] = await Promise.all([loadRules(), loadMapping(job, signal)]);
  return { ...kinds[job.kind], dates: job.dates, mapping };
}

/** @type {(job: Import, signal: AbortSignal) => Promise<Mapping>} */
async function loadMapping(job, signal) {
  if (!job.mapping_url) return createMapping();
  const found = await api.get(`imports/${job.id}/mapping/`, {}, { signal });
  const { columns = {}, constants = {}, values = {} } = found;
  return { columns, constants, values };
}

/** @param {{ job: Import }} props */
export function Corrections({ job }) {
  const draft = getDraft(job.id);
  const cursors = useSignal(/** @type {string[]} */ ([]));
  const from = useLoad(
    (signal) =>
      api.get(
        `imports/${job.id}/errors/`,
        { limit: LIMIT, cursor: cursors.value.at(-1) },
        { signal },
      ),
    [cursors.value.at(-1)],
  );
  const rules = useLoad((signal) => loadKind(job, signal), [job.id]);
  const page = from.value;
  const jobErrors = job.refusal || isStopped(job) ? 1 : 0; // an error of the import, not of a row
  const isEmpty = page && !page.cursor && !page.results.some(({ row }) => row);
  if (isEmpty || (!page && isStopped(job))) return null;
  return html`<section class="part">
    <div class="row apart heading">
      <div>
        <h2>Rows with errors</h2>
        <p class="soft">Fix values below, then re-import just those rows. Or fix them in failed.csv
          and <a href=${link(`imports/${job.kind}/new`, { corrects: job.id })}>import that file</a>.</p>
      </div>
      <div class="actions">
        ${
          job.failed_rows_url &&
          html`<${Download} path="imports/${job.id}/failed.csv">Download failed.csv<//>`
        }
        <${ReimportButton} job=${job} draft=${draft} rules=${rules} />
      </div>
    </div>
    <${Loaded} from=${from} rows=${6}>
      ${(/** @type {ErrorsPage} */ page) => html`
        <${FaultTable} job=${job} rows=${page.results.filter(({ row }) => row)} draft=${draft}
          kind=${rules.value} />
        <${CursorPager} page=${page} cursors=${cursors} count=${page.count - jobErrors}
          what="rows with errors" />
      `}
    <//>
  </section>`;
}

/**
 * Links to the previous and next page; `cursors` holds those of the pages up to the current one.
 *
 * @param {{
 *   page: { cursor: string | null },
 *   cursors: Signal<string[]>,
 *   count: number,
 *   what: string,
 * }} props
 */
export function CursorPager({ page, cursors, count: rows, what }) {
  if (!page.cursor && !cursors.value.length)
    return html`<p class="pager">${formatCount(rows, "row")}</p>`;
  const next = () => {
    if (page.cursor) cursors.value = [...cursors.value, page.cursor];
  };
  return html`<nav class="pager" aria-label="Pages of ${what}">
    <span>${formatCount(rows, "row")}</span>
    <${Button} plain icon="back" aria-disabled=${cursors.value.length ? undefined : "true"}
      onPress=${() => (cursors.value = cursors.value.slice(0, -1))}>Previous<//>
    <${Button} plain icon="next" aria-disabled=${page.cursor ? undefined : "true"}
      onPress=${next}>Next<//>
  </nav>`;
}

/** @param {{ job: Import, draft: Signal<Draft>, rules: Loadable<Kind> }} props */
function ReimportButton({ job, draft, rules }) {
  const kind = rules.value;
  const problem = useSignal(/** @type {Failure | null} */ (null));
  const { cells, rows } = draft.value;
  const changed = Object.keys(cells)
    .map(Number)
    .sort((a, b) => a - b);
  const faulty = changed.filter(
    (row) =>
      kind &&
      Object.entries(cells[row]).some(([column, value]) => validateEdit(column, value, kind)),
  );
  const send = async () => {
    problem.value = null;
    if (!kind) return;
    if (!changed.length || faulty.length) {
      announce(faulty.length ? `Row ${faulty[0]} still has an error` : "Fix a row first");
      return;
    }
    draft.value = { ...draft.value, external_id: draft.value.external_id || crypto.randomUUID() };
    try {
      const corrected = changed.map((row) => ({ ...rows[row].data, ...cells[row] }));
      const csv = writeCsv(listColumns(job, corrected), corrected);
      const file = new File([csv], correctedName(job.file_name), { type: "text/csv" });
      const { external_id } = draft.value;
      const next = await startImport(job.kind, file, {
        external_id,
        corrects: job.id,
        on_error: job.on_error,
        dry_run: job.dry_run,
        unknown_columns: job.unknown_columns,
        dates: job.dates,
        mapping: sentMapping(kind.mapping),
        on_existing: job.on_existing,
        on_missing: job.on_missing,
      });
      const sent = {
        ...draft.value.sent,
        ...Object.fromEntries(changed.map((row) => [row, next.id])),
      };
      draft.value = { cells: {}, rows: {}, sent, external_id: "" };
      go(`imports/${job.kind}/${next.id}`, { of: job.id });
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
  };
  return html`
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    ${rules.error && html`<${ErrorLine} what="Values can’t be checked" problem=${rules.error} onRetry=${rules.reload} />`}
    ${faulty.length > 0 && html`<span class="soft">Row ${faulty[0]} still has an error</span>`}
    <${Button} icon="up" scope="imports:write" onPress=${send}
      aria-disabled=${kind && changed.length && !faulty.length ? undefined : "true"}>
      Re-import ${changed.length ? formatCount(changed.length, "row") : "rows"}
    <//>
  `;
}

/**
 * The columns of the file in their order, then columns that were added.
 *
 * @type {(job: Import, rows: Record<string, string>[]) => string[]}
 */
function listColumns(job, rows) {
  const own = (job.detected?.columns ?? []).filter((column) => column && !column.startsWith("_"));
  return [...new Set([...own, ...rows.flatMap((row) => Object.keys(row))])];
}

/** @type {(name: string) => string} */
const correctedName = (name) =>
  `${name.replace(/\.csv$/i, "").replace(/-corrected$/, "")}-corrected.csv`;
