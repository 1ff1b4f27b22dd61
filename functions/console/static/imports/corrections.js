// Rows with errors: edit their cells, then re-import just those rows.

/** @import { Signal } from "@preact/signals" */
/** @import { Answer, Failure, Import, Loadable } from "../api/types.ts" */
/** @import { Mapping } from "../csv/mapping.js" */
/** @import { Kind } from "../csv/rules.js" */
/** @import { OnReplace, Validate } from "./fault_groups.js" */
/** @import { Draft, FailedRow } from "./fault_table.js" */
import { effect, signal, useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, Download, ErrorLine } from "../parts/buttons.js";
import { loadDraft, saveDraft } from "../forms/drafts.js";
import { createGroups, groupOf } from "../csv/fault_groups.js";
import { FaultGroups } from "./fault_groups.js";
import { FaultTable, validateEdit } from "./fault_table.js";
import { createMapping, sentMapping } from "./import_mapping.js";
import { formatCount, formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { isStopped } from "./import_states.js";
import { useLoad } from "../api/load.js";
import { announce, Loaded, Notice } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { loadRules, writeCsv } from "../csv/rules.js";
import { key } from "../api/session.js";
import { startImport } from "../api/upload.js";

/** Rows per request, rows that are loaded at most, and rows of a page. */
const LIMIT = 100;
const MAX_ROWS = 2000;
const SHOWN = 50;

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
  return { ...kinds[job.kind], dates: job.dates, keys: job.keys, mapping };
}

/** @type {(job: Import, signal: AbortSignal) => Promise<Mapping>} */
async function loadMapping(job, signal) {
  if (!job.mapping_url) return createMapping();
  const found = await api.get(`imports/${job.id}/mapping/`, {}, { signal });
  const { columns = {}, constants = {}, values = {} } = found;
  return { columns, constants, values };
}

/** @typedef {{ rows: FailedRow[], count: number, next: string | null }} FailedRows */

/**
 * The first rows with errors, read in several requests; `next` continues after them.
 *
 * @type {(job: Import, signal: AbortSignal) => Promise<FailedRows>}
 */
async function loadRows(job, signal) {
  const jobErrors = job.refusal || isStopped(job) ? 1 : 0; // an error of the import, not of a row
  /** @type {FailedRow[]} */
  const rows = [];
  /** @type {string | null} */
  let next = null;
  let count = 0;
  do {
    const query = { limit: LIMIT, cursor: next ?? undefined };
    /** @type {ErrorsPage} */
    const page = await api.get(`imports/${job.id}/errors/`, query, { signal });
    rows.push(.../** @type {FailedRow[]} */ (page.results.filter(({ row }) => row)));
    next = page.cursor ?? null;
    count = page.count - jobErrors;
  } while (next && rows.length < MAX_ROWS);
  return { rows, count, next };
}

/**
 * The codes of all products, to suggest one for a misspelled code.
 *
 * @type {(signal: AbortSignal) => Promise<string[]>}
 */
const loadProducts = async (signal) =>
  (await api.get("products/", { limit: LIMIT }, { signal })).results.map((each) => each.short_code);

/** @param {{ job: Import }} props */
export function Corrections({ job }) {
  const draft = getDraft(job.id);
  const from = useLoad((signal) => loadRows(job, signal), [job.id]);
  const rules = useLoad((signal) => loadKind(job, signal), [job.id]);
  const found = from.value;
  if ((found && !found.rows.length) || (!found && isStopped(job))) return null;
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
      </div>
    </div>
    <${Loaded} from=${from} rows=${6}>
      ${(/** @type {FailedRows} */ value) => html`<${FailedTable} found=${value} ...${{ job, draft, rules }} />`}
    <//>
    <div class="reimport"><${ReimportButton} job=${job} draft=${draft} rules=${rules} /></div>
  </section>`;
}

/**
 * The groups of errors, and the rows of one group or of all.
 *
 * @param {{ job: Import, found: FailedRows, draft: Signal<Draft>, rules: Loadable<Kind> }} props
 */
function FailedTable({ job, found: { rows, count, next }, draft, rules }) {
  const selected = useSignal("");
  const offset = useSignal(0);
  const groups = createGroups();
  for (const { errors, data } of rows)
    groups.feed(errors.map((each) => ({ ...each, value: each.column && data[each.column] })));
  const listed = groups.list();
  const products = useLoad(
    async (signal) =>
      listed.some(({ code }) => code === "unknown_product") ? loadProducts(signal) : [],
    [job.id],
  );
  const kind = rules.value;
  const isListed = (/** @type {FailedRow} */ { errors }) =>
    !selected.value || errors.some((each) => groupOf(each) === selected.value);
  const shown = rows.filter(isListed);
  const select = (/** @type {string} */ id) => {
    selected.value = id;
    offset.value = 0;
  };
  /** @type {OnReplace} */
  const replace = ({ id, column }, value, replacement) => {
    const { cells, rows: edited, ...rest } = draft.value;
    const wanted = rows.filter(
      (row) =>
        !draft.value.sent[row.row] &&
        (row.data[column] ?? "") === value &&
        row.errors.some((each) => groupOf(each) === id),
    );
    const changes = wanted.map(({ row }) => [row, { ...cells[row], [column]: replacement }]);
    draft.value = {
      ...rest,
      cells: { ...cells, ...Object.fromEntries(changes) },
      rows: { ...edited, ...Object.fromEntries(wanted.map((row) => [row.row, row])) },
      external_id: "",
    };
    announce(`${formatCount(wanted.length, "row")} changed`);
  };
  /** @type {Validate} */
  const validate = ({ column }, text) => (kind && validateEdit(column, text, kind)?.message) ?? "";
  return html`
    <${FaultGroups} groups=${listed} selected=${selected.value} onSelect=${select}
      onReplace=${replace} validate=${validate} names=${{ unknown_product: products.value ?? [] }} />
    <${FaultTable} job=${job} rows=${shown.slice(offset.value, offset.value + SHOWN)} draft=${draft} kind=${kind} />
    <${RowPager} offset=${offset} count=${shown.length} total=${selected.value ? shown.length : count} />
    ${
      next &&
      html`<p class="soft">The first ${formatNumber(rows.length)} of ${formatNumber(count)} rows are
        loaded. Fix the others in failed.csv.</p>`
    }
  `;
}

/**
 * Links to the previous and next rows of a table that is in memory.
 *
 * @param {{ offset: Signal<number>, count: number, total: number }} props
 */
function RowPager({ offset, count, total }) {
  const at = offset.value;
  if (count <= SHOWN) return html`<p class="pager">${formatCount(total, "row")}</p>`;
  const last = Math.min(at + SHOWN, count);
  return html`<nav class="pager" aria-label="Pages of rows with errors">
    <span>${formatNumber(at + 1)}–${formatNumber(last)} of ${formatCount(total, "row")}</span>
    <${Button} plain icon="back" disabled=${!at}
      onPress=${() => (offset.value = Math.max(0, at - SHOWN))}>Previous<//>
    <${Button} plain icon="next" disabled=${last >= count}
      onPress=${() => (offset.value = last)}>Next<//>
  </nav>`;
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
    <${Button} plain icon="back" disabled=${!cursors.value.length}
      onPress=${() => (cursors.value = cursors.value.slice(0, -1))}>Previous<//>
    <${Button} plain icon="next" disabled=${!page.cursor}
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
      Object.entries(cells[row]).some(([column, value]) =>
        validateEdit(column, value, kind, rows[row].errors),
      ),
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
        keys: job.keys,
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
