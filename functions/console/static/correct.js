// The rows of an import that failed, to be fixed here and re-imported by themselves.
import { useEffect } from "preact/hooks";
import { effect, signal, useSignal } from "@preact/signals";
import * as api from "./api.js";
import { keep, recall } from "./drafts.js";
import { FaultTable, faultNow } from "./fault_table.js";
import { Button, Download } from "./fields.js";
import { html } from "./html.js";
import { isStopped } from "./import_words.js";
import { useLoad } from "./load.js";
import { count, Loaded, Notice, say } from "./parts.js";
import { go, link } from "./route.js";
import { csvOf, loadRules } from "./rules.js";
import { key } from "./session.js";
import { startImport } from "./upload.js";

const LIMIT = 50;

/** What was typed, by import: `{cells: {row: {column: value}}, rows, sent}`. It outlives pages. */
let typed = {};
effect(() => {
  if (!key.value) typed = {};
});

function draftOf(id) {
  const name = `rows ${id}`;
  if (!typed[id]) {
    const blank = { cells: {}, rows: {}, sent: {}, external_id: "" };
    typed[id] = signal(recall(name, blank) ?? blank);
    typed[id].subscribe((now) => keep(name, now));
  }
  return typed[id];
}

export function Corrections({ job }) {
  const draft = draftOf(job.id);
  const cursor = useSignal([]);
  const rules = useSignal(null);
  const from = useLoad(
    (signal) =>
      api.get(
        `imports/${job.id}/errors/`,
        { limit: LIMIT, cursor: cursor.value.at(-1) },
        { signal },
      ),
    [cursor.value.at(-1)],
  );
  useEffect(() => {
    loadRules().then(
      (known) => (rules.value = known.kinds[job.kind]),
      () => {},
    );
  }, []);
  const page = from.value;
  const whole = job.refusal || isStopped(job) ? 1 : 0; // why the import ended is listed as well
  const isBare = page && !page.cursor && !page.results.some(({ row }) => row);
  if (isBare || (!page && isStopped(job))) return null;
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
          html`<${Download} path="imports/${job.id}/failed.csv">failed.csv<//>`
        }
        <${SendAgain} job=${job} draft=${draft} kind=${rules.value} />
      </div>
    </div>
    <${Loaded} from=${from} rows=${6}>
      ${(page) => html`
        <${FaultTable} job=${job} rows=${page.results.filter(({ row }) => row)} draft=${draft}
          kind=${rules.value} />
        <${Steps} page=${page} cursor=${cursor} count=${page.count - whole} what="rows with errors" />
      `}
    <//>
  </section>`;
}

/** Back and forth through a list by cursors, of which `cursor` has those so far. */
export function Steps({ page, cursor, count: rows, what }) {
  if (!page.cursor && !cursor.value.length)
    return html`<p class="pager">${count(rows, "row")}</p>`;
  return html`<nav class="pager" aria-label="Pages of ${what}">
    <span>${count(rows, "row")}</span>
    <${Button} plain icon="back" aria-disabled=${cursor.value.length ? undefined : "true"}
      onPress=${() => (cursor.value = cursor.value.slice(0, -1))}>Previous<//>
    <${Button} plain icon="next" aria-disabled=${page.cursor ? undefined : "true"}
      onPress=${() => (cursor.value = [...cursor.value, page.cursor])}>Next<//>
  </nav>`;
}

function SendAgain({ job, draft, kind }) {
  const problem = useSignal(null);
  const { cells, rows } = draft.value;
  const changed = Object.keys(cells)
    .map(Number)
    .sort((a, b) => a - b);
  const wrong = changed.filter(
    (row) =>
      kind && Object.entries(cells[row]).some(([column, value]) => faultNow(column, value, kind)),
  );
  const send = async () => {
    problem.value = null;
    if (!changed.length || wrong.length) {
      say(wrong.length ? `Row ${wrong[0]} still has an error` : "Fix a row first");
      return;
    }
    draft.value = { ...draft.value, external_id: draft.value.external_id || crypto.randomUUID() };
    try {
      const whole = changed.map((row) => ({ ...rows[row].data, ...cells[row] }));
      const file = new File([csvOf(columnsOf(job, whole), whole)], correctedName(job.file_name), {
        type: "text/csv",
      });
      const { external_id } = draft.value;
      const next = await startImport(job.kind, file, {
        external_id,
        corrects: job.id,
        on_error: job.on_error,
        dry_run: job.dry_run,
        unknown_columns: job.unknown_columns,
      });
      const sent = {
        ...draft.value.sent,
        ...Object.fromEntries(changed.map((row) => [row, next.id])),
      };
      draft.value = { cells: {}, rows: {}, sent, external_id: "" };
      go(`imports/${job.kind}/${next.id}`, { of: job.id });
    } catch (error) {
      problem.value = error;
    }
  };
  return html`
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    ${wrong.length > 0 && html`<span class="soft">Row ${wrong[0]} still has an error</span>`}
    <${Button} icon="up" scope="imports:write" onPress=${send}
      aria-disabled=${changed.length && !wrong.length ? undefined : "true"}>
      Re-import${changed.length > 0 && ` ${count(changed.length, "row")}`}
    <//>
  `;
}

/** The columns of the file in their order, and those that were filled in besides. */
function columnsOf(job, rows) {
  const first = (job.detected?.columns ?? []).filter((column) => column && !column.startsWith("_"));
  return [...new Set([...first, ...rows.flatMap(Object.keys)])];
}

const correctedName = (name) =>
  `${name.replace(/\.csv$/i, "").replace(/-corrected$/, "")}-corrected.csv`;
