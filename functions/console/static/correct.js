// The rows that an import did not take, to be corrected here and sent again by themselves.
import { useEffect } from "preact/hooks";
import { effect, signal, useSignal } from "@preact/signals";
import * as api from "./api.js";
import { keep, recall } from "./drafts.js";
import { FaultTable, faultNow } from "./fault_table.js";
import { Button, Download } from "./fields.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { count, Loaded, Notice, say } from "./parts.js";
import { go } from "./route.js";
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
  return html`<section class="part">
    <div class="row apart heading">
      <div>
        <h2>Faulty rows</h2>
        <p class="soft">Correct a value in the table, and send just those rows again.</p>
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
        <${Steps} page=${page} cursor=${cursor} />
      `}
    <//>
  </section>`;
}

function Steps({ page, cursor }) {
  if (!page.cursor && !cursor.value.length)
    return html`<p class="pager">${count(page.count, "row")}</p>`;
  return html`<nav class="pager" aria-label="Pages of faulty rows">
    <span>${count(page.count, "row")}</span>
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
      say(wrong.length ? `Row ${wrong[0]} is still faulty` : "Correct a row first");
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
    ${wrong.length > 0 && html`<span class="soft">Row ${wrong[0]} is still faulty</span>`}
    <${Button} icon="up" scope="imports:write" onPress=${send}
      aria-disabled=${changed.length && !wrong.length ? undefined : "true"}>
      ${changed.length ? `Send ${count(changed.length, "row")} again` : "Send again"}
    <//>
  `;
}

/** Those of the file in their order, and what was filled in beyond them. */
function columnsOf(job, rows) {
  const first = (job.detected?.columns ?? []).filter((column) => column && !column.startsWith("_"));
  return [...new Set([...first, ...rows.flatMap(Object.keys)])];
}

const correctedName = (name) =>
  `${name.replace(/\.csv$/i, "").replace(/-corrected$/, "")}-corrected.csv`;
