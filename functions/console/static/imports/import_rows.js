// The rows of an import by outcome, with the records that they name and the fields they change.

/** @import { Answer, Import } from "../api/types.ts" */
/** @import { Column } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Download } from "../parts/buttons.js";
import { CursorPager } from "./corrections.js";
import { formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { countOutcomes, listChanges } from "./import_result.js";
import { useLoad } from "../api/load.js";
import { Loaded, Table } from "../parts/parts.js";
import { link } from "../parts/route.js";

const LIMIT = 50;

/** @typedef {Answer<"get", "imports/1/rows/">} RowsPage */
/** @typedef {RowsPage["results"][number]} Row */
/** @typedef {"created" | "updated" | "unchanged" | "failed"} Outcome */

/** @type {Record<Outcome, [done: string, planned: string]>} */
const TITLES = {
  created: ["Created", "Would be created"],
  updated: ["Updated", "Would be updated"],
  unchanged: ["Unchanged", "Unchanged"],
  failed: ["Errors", "Errors"],
};

/** @param {{ job: Import, outcome?: string }} props */
export function Rows({ job, outcome }) {
  const counts = countOutcomes(job);
  const shown = /** @type {Outcome[]} */ (Object.keys(TITLES)).find((each) => each === outcome);
  const at = job.dry_run ? 1 : 0;
  return html`<section class="part">
    <div class="row apart heading">
      <h2>${job.dry_run ? "What will happen" : "Rows"}</h2>
      <div class="actions"><${Download} path="imports/${job.id}/results.csv">Download results.csv<//></div>
    </div>
    <nav class="row" aria-label="Rows by outcome">
      ${
        /** @type {Outcome[]} */ (Object.keys(TITLES)).map(
          (each) => html`<a href=${link(`imports/${job.kind}/${job.id}`, { rows: each })}
          aria-current=${each === shown ? "true" : undefined}
          >${TITLES[each][at]}: ${formatNumber(counts[each])}</a>`,
        )
      }
    </nav>
    ${shown && html`<${RowTable} key=${shown} job=${job} outcome=${shown} title=${TITLES[shown][at]} />`}
  </section>`;
}

/** @param {{ job: Import, outcome: Outcome, title: string }} props */
function RowTable({ job, outcome, title }) {
  const cursors = useSignal(/** @type {string[]} */ ([]));
  const cursor = cursors.value.at(-1);
  const from = useLoad(
    (signal) => api.get(`imports/${job.id}/rows/`, { outcome, limit: LIMIT, cursor }, { signal }),
    [job.id, outcome, cursor],
  );
  return html`<${Loaded} from=${from} rows=${4}>
    ${(/** @type {RowsPage} */ page) => html`
      <div class="tall"><${Table} caption=${title} rows=${page.results} columns=${columnsOf(job)} /></div>
      <${CursorPager} page=${page} cursors=${cursors} count=${page.count} what="rows" />
    `}
  <//>`;
}

/** @type {(job: Import) => Column<Row>[]} */
const columnsOf = (job) => [
  { head: "Row", kind: "number", cell: (each) => formatNumber(each.row) },
  { head: "Line", kind: "number", wide: true, cell: (each) => formatNumber(each.line) },
  { head: "Record", cell: (each) => showRecord(job, each) },
  { head: "Details", cell: showDetails },
];

/** @type {(job: Import, row: Row) => unknown} */
function showRecord(job, row) {
  if (!("license_id" in row)) return "";
  const [path, id] = row.license_id
    ? [`licenses/${row.license_id}`, row.license_id]
    : [`customers/${row.customer_id}`, row.customer_id];
  if (!id) return "";
  const exists = row.outcome !== "created" || !job.dry_run;
  return exists ? html`<a href=${link(path)}>${id}</a>` : html`<span class="soft">new</span>`;
}

/** @type {(row: Row) => unknown} */
function showDetails(row) {
  if ("errors" in row) return row.errors.map(({ message }) => html`<div>${message}</div>`);
  if (!("changes" in row)) return "";
  return listChanges(row.changes).map(
    ([name, before, after]) => html`<div><code>${name}</code> ${before} → ${after}</div>`,
  );
}
