// The list of imports of a kind, newest first.

/** @import { Answer, Import, ImportKind } from "../api/types.ts" */
/** @import { Column, Option, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { Download, LinkButton } from "../parts/buttons.js";
import { openWithFile, useDrop } from "../parts/drop.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { ImportJob } from "./import_job.js";
import { NewImport } from "./import_new.js";
import {
  countInvalidRows,
  ImportStatus,
  isChanging,
  isRunning,
  isStopped,
  KINDS,
} from "./import_states.js";
import { useLoad } from "../api/load.js";
import { Empty, Loaded, Page, Pager, Table, Tabs } from "../parts/parts.js";
import { link } from "../parts/route.js";

const LIMIT = 20;
/** Milliseconds between reloads while an import runs, and otherwise: imports may start elsewhere. */
const RUNNING_INTERVAL = 2000;
const IDLE_INTERVAL = 10_000;
/** @type {Option[]} */
const STATUSES = [
  ["", "All"],
  ["pending", "Waiting"],
  ["running", "Running"],
  ["success", "Succeeded"],
  ["error", "Needs attention"],
];

/**
 * `#/imports/licenses`, `…/new`, `…/12`.
 *
 * @param {{ parts: string[], query: PageQuery }} props
 */
export function Imports({ parts: [kind, id], query }) {
  const known = Object.hasOwn(KINDS, kind ?? "") ? kind : "licenses";
  if (id === "new")
    return html`<${NewImport} key=${`new-${known}`} kind=${known} query=${query} />`;
  if (id) return html`<${ImportJob} key=${id} kind=${known} id=${id} query=${query} />`;
  return html`<${List} key=${known} kind=${known} query=${query} />`;
}

/** @param {{ kind: ImportKind, query: PageQuery }} props */
function List({ kind, query }) {
  const { title, icon } = KINDS[kind];
  const path = `imports/${kind}`;
  const filters = {
    kind,
    limit: LIMIT,
    offset: query.offset,
    cursor: query.cursor,
    status__iexact: query.status,
  };
  const jobs = useLoad(
    (signal) => api.get("imports/", filters, { signal }),
    [kind, query.offset, query.cursor, query.status],
    {
      every: (page) =>
        document.hidden ? null : page?.results.some(isChanging) ? RUNNING_INTERVAL : IDLE_INTERVAL,
    },
  );
  useDrop((file) => openWithFile(kind, file));
  return html`<${Page} title=${title} lead="${title} and their results"
    actions=${html`<${Download} path="import-templates/${kind}.csv">Download template<//><${ImportButton} kind=${kind} />`}>
    <${Tabs} label="Status" options=${STATUSES} value=${query.status}
      to=${(/** @type {string} */ status) => link(path, { status })} />
    <${Loaded} from=${jobs} rows=${8}>
      ${(/** @type {Answer<"get", "imports/">} */ page) =>
        page.results.length
          ? html`<${Table} caption=${title} rows=${page.results} columns=${columns(kind)} />
              <${Pager} page=${page} path=${path} query=${query} limit=${LIMIT} nouns=${["import"]} />`
          : html`<${NoImports} kind=${kind} icon=${icon} filtered=${query.status || query.offset} />`}
    <//>
  <//>`;
}

/** @type {(kind: ImportKind) => Column<Import>[]} */
const columns = (kind) => [
  {
    head: "File",
    cell: (job) => html`<a href=${link(`imports/${kind}/${job.id}`)}>${job.file_name}</a>`,
  },
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
    cell: (job) =>
      job.requested_by === "s3" ? "S3 upload" : html`<code>${job.requested_by}</code>`,
  },
  { head: "Requested", kind: "mid", cell: (job) => formatTime(job.created_at) },
];

/** @type {(job: Import) => string} */
function Errors(job) {
  if (!isRunning(job)) return formatNumber(isStopped(job) ? null : countInvalidRows(job));
  const { percent } = job.progress;
  return percent == null ? "–" : `${percent} % done`;
}

/** @param {{ kind: ImportKind, icon: string, filtered: boolean }} props */
function NoImports({ kind, icon, filtered }) {
  if (filtered) {
    return html`<${Empty} icon="search" title="No imports with this status">
      <p><a href=${link(`imports/${kind}`)}>Show all imports</a></p>
    <//>`;
  }
  return html`<${Empty} icon=${icon} title="No imports yet">
    <p>Download the template, fill it in and import it here. Rows with errors are skipped; you can
      fix and re-import just those rows.</p>
    <p><${ImportButton} kind=${kind} /></p>
  <//>`;
}

/** @param {{ kind: ImportKind }} props */
const ImportButton = ({ kind }) =>
  html`<${LinkButton} scope="imports:write" to=${link(`imports/${kind}/new`)} icon="up">Import a file<//>`;
