// The rows of an import by outcome, with the records that they name and the fields they change.

/** @import { Answer, Import } from "../api/types.ts" */
/** @import { Children, Column, Option } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Download } from "../parts/buttons.js";
import { CursorPager } from "./corrections.js";
import { formatNumber } from "../parts/formats.js";
import { labelColumn } from "./column_names.js";
import { html } from "../parts/html.js";
import { countOutcomes, listChanges } from "./import_result.js";
import { useLoad } from "../api/load.js";
import { Loaded, Table, Tabs } from "../parts/parts.js";
import { link } from "../parts/route.js";

const LIMIT = 50;

/** @typedef {Answer<"get", "imports/1/rows/">} RowsPage */
/** @typedef {RowsPage["results"][number]} Row */
/** @typedef {import("./import_result.js").Outcome} Outcome */

/** @type {Record<Outcome, [done: string, planned: string]>} */
const TITLES = {
  created: ["Created", "To create"],
  updated: ["Updated", "To update"],
  unchanged: ["Unchanged", "Unchanged"],
  failed: ["Errors", "Errors"],
  reverted: ["Reverted", "To revert"],
  kept: ["Kept", "To keep"],
};

/**
 * `children` are further actions of the import.
 *
 * @param {{ job: Import, outcome?: string, children?: Children }} props
 */
export function Rows({ job, outcome, children }) {
  const counts = countOutcomes(job);
  const outcomes = /** @type {Outcome[]} */ (Object.keys(counts));
  const shown = outcomes.find((each) => each === outcome);
  const titleOf = (/** @type {Outcome} */ each) => TITLES[each][job.dry_run ? 1 : 0];
  const options = outcomes.map(
    (each) =>
      /** @type {Option} */ ([each, `${titleOf(each)}: ${formatNumber(counts[each] ?? 0)}`]),
  );
  return html`<section class="part">
    <div class="row apart heading">
      <h2>${job.dry_run ? "What will happen" : "Rows"}</h2>
      <div class="actions"><${Download} path="imports/${job.id}/results.csv">Download results.csv<//>
        ${children}</div>
    </div>
    <${Tabs} label="Rows by outcome" options=${options} value=${shown}
      to=${(/** @type {string} */ rows) => link(`imports/${job.kind}/${job.id}`, { rows })} />
    ${shown && html`<${RowTable} key=${shown} job=${job} outcome=${shown} title=${titleOf(shown)} />`}
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
  {
    head: job.kind === "customers" ? "Customer" : "License",
    cell: (each) => showRecord(job, each),
  },
  { head: "Details", cell: showDetails },
];

/** @type {(job: Import, row: Row) => unknown} */
function showRecord(job, row) {
  if (!("license_id" in row)) return "";
  const [path, id] = row.license_id
    ? [`licenses/${row.license_id}`, row.license_id]
    : [`customers/${row.customer_id}`, row.customer_id];
  if (!id) return "";
  if (row.outcome === "created" && job.dry_run) return html`<span class="soft">new</span>`;
  const isGone = row.outcome === "reverted" || (row.outcome === "created" && job.undone_by);
  return isGone ? id : html`<a href=${link(path)}>${id}</a>`;
}

/** @type {(name: string) => string} */
const labelField = (name) => labelColumn(name) ?? labelColumn(`license__${name}`) ?? name;

/** @type {(row: Row) => unknown} */
function showDetails(row) {
  if ("reason" in row) return row.message;
  if ("errors" in row) return row.errors.map(({ message }) => html`<div>${message}</div>`);
  if (!("changes" in row)) return "";
  return listChanges(row.changes).map(
    ([name, before, after]) => html`<div>${labelField(name)}: ${before} → ${after}</div>`,
  );
}
