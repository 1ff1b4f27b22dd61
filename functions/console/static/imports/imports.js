// The list of imports of all kinds, newest first.

/** @import { Answer, Import, ImportKind } from "../api/types.ts" */
/** @import { Column, Option, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { Download, LinkButton } from "../parts/buttons.js";
import { openWithFile, useDrop } from "../parts/drop.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { ChooseImport } from "./import_choose.js";
import { ImportJob } from "./import_job.js";
import { NewImport } from "./import_new.js";
import {
  countInvalidRows,
  ImportStatus,
  isChanging,
  isKind,
  isRunning,
  isStopped,
  KINDS,
  requesterOf,
} from "./import_states.js";
import { useLoad } from "../api/load.js";
import { Empty, Loaded, Page, Pager, Table, Tabs } from "../parts/parts.js";
import { link } from "../parts/route.js";

const LIMIT = 20;
/** Milliseconds between reloads while an import runs, and otherwise: imports may start elsewhere. */
const RUNNING_INTERVAL = 2000;
const IDLE_INTERVAL = 10_000;
/**
 * The filters of the API by the status in the address.
 *
 * @type {Record<string, [text: string, filter: object]>}
 */
const STATUSES = {
  "": ["All", {}],
  running: ["Running", { unfinished: true }],
  attention: ["Needs attention", { needs_attention: true }],
  succeeded: ["Succeeded", { status__iexact: "success" }],
};
/** @type {Option[]} */
const STATUS_OPTIONS = Object.entries(STATUSES).map(([value, [text]]) => [value, text]);
/** @type {Option[]} */
const KIND_OPTIONS = [
  ["", "All kinds"],
  ...Object.entries(KINDS).map(([kind, { title }]) => /** @type {Option} */ ([kind, title])),
];

/**
 * `#/imports`, `…/new`, `…/licenses`, `…/licenses/new`, `…/licenses/12`.
 *
 * @param {{ parts: string[], query: PageQuery }} props
 */
export function Imports({ parts: [kind, id], query }) {
  if (kind === "new") return html`<${ChooseImport} />`;
  const known = isKind(kind) ? kind : null;
  if (id === "new" && known)
    return html`<${NewImport} key=${`new-${known}`} kind=${known} query=${query} />`;
  if (id)
    return html`<${ImportJob} key=${id} kind=${known ?? "licenses"} id=${id} query=${query} />`;
  return html`<${List} key=${known} kind=${known} query=${query} />`;
}

/** @param {{ kind: ImportKind | null, query: PageQuery }} props */
function List({ kind, query }) {
  const path = kind ? `imports/${kind}` : "imports";
  const [, filter] = STATUSES[query.status ?? ""] ?? STATUSES[""];
  const filters = { limit: LIMIT, kind, offset: query.offset, cursor: query.cursor, ...filter };
  const jobs = useLoad(
    (signal) => api.get("imports/", filters, { signal }),
    [kind, query.offset, query.cursor, query.status],
    {
      every: (page) =>
        document.hidden ? null : page?.results.some(isChanging) ? RUNNING_INTERVAL : IDLE_INTERVAL,
    },
  );
  useDrop((file) => openWithFile(kind, file));
  return html`<${Page} title="Imports" lead="Files of licenses, customers and license features, newest first"
    actions=${html`${kind && html`<${Download} path="import-templates/${kind}.csv">Download template<//>`}
      <${ImportButton} kind=${kind} />`}>
    <div class="row apart">
      <${Tabs} label="Status" options=${STATUS_OPTIONS} value=${query.status}
        to=${(/** @type {string} */ status) => link(path, { status })} />
      <${Tabs} label="Kind" options=${KIND_OPTIONS} value=${kind ?? ""}
        to=${(/** @type {string} */ other) => link(other ? `imports/${other}` : "imports", { status: query.status })} />
    </div>
    <${Loaded} from=${jobs} rows=${8}>
      ${(/** @type {Answer<"get", "imports/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Imports" rows=${page.results} columns=${COLUMNS} />
              <${Pager} page=${page} path=${path} query=${query} limit=${LIMIT} nouns=${["import"]} />`
          : html`<${NoImports} kind=${kind} status=${query.status} offset=${query.offset} />`}
    <//>
  <//>`;
}

/** @type {(job: Import, query?: object) => string} */
const linkTo = (job, query) => link(`imports/${job.kind}/${job.id}`, query);

/** @type {Column<Import>[]} */
const COLUMNS = [
  {
    head: "File",
    cell: (job) => html`<a href=${linkTo(job)}>${job.file_name}</a>
      <small class="narrow soft">No. ${job.id}, ${formatTime(job.created_at)}</small>`,
  },
  { head: "No.", kind: "number", wide: true, cell: (job) => job.id },
  { head: "Kind", wide: true, cell: (job) => KINDS[job.kind].title },
  { head: "Status", cell: (job) => html`<${ImportStatus} job=${job} />` },
  {
    head: "Rows",
    kind: "number",
    wide: true,
    cell: (job) => formatNumber(job.progress.rows_total),
  },
  { head: "Errors", kind: "number", wide: true, cell: Errors },
  {
    head: "Started by",
    wide: true,
    cell: requesterOf,
  },
  { head: "Requested", wide: true, cell: (job) => formatTime(job.created_at) },
];

/** @type {(job: Import) => unknown} */
function Errors(job) {
  if (isRunning(job)) {
    const { percent } = job.progress;
    return percent == null ? "–" : `${percent} % done`;
  }
  const errors = isStopped(job) ? null : countInvalidRows(job);
  return errors
    ? html`<a href=${linkTo(job, { rows: "failed" })}>${formatNumber(errors)}</a>`
    : formatNumber(errors);
}

/** @param {{ kind: ImportKind | null, status?: string, offset?: string }} props */
function NoImports({ kind, status, offset }) {
  if (status || offset) {
    const title = { attention: "Nothing needs attention", running: "No imports are running" };
    return html`<${Empty} icon=${status === "attention" ? "done" : "search"}
      title=${title[/** @type {keyof typeof title} */ (status)] ?? "No imports with this status"}>
      <p><a href=${link(kind ? `imports/${kind}` : "imports")}>Show all imports</a></p>
    <//>`;
  }
  return html`<${Empty} icon="imports" title="No imports yet">
    <p>Download a template, fill it in and import it here. Rows with errors are skipped; you can
      fix and re-import just those rows.</p>
    <p><${ImportButton} kind=${kind} /></p>
  <//>`;
}

/** @param {{ kind: ImportKind | null }} props */
const ImportButton = ({ kind }) =>
  html`<${LinkButton} scope="imports:write" to=${link(kind ? `imports/${kind}/new` : "imports/new")} icon="up">Import a file<//>`;
