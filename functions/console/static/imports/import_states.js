// The kinds and states of imports.

/** @import { Import, ImportKind } from "../api/types.ts" */
/** @import { Children, Tone } from "../parts/types.ts" */
import { ColumnName } from "./column_names.js";
import { html } from "../parts/html.js";
import { Badge } from "../parts/parts.js";

export const KINDS = {
  licenses: { title: "Licenses", one: "license" },
  customers: { title: "Customers", one: "customer" },
  "license-features": { title: "License features", one: "license feature" },
};

/** @type {(text: string | undefined) => text is ImportKind} */
export const isKind = (text) => Object.hasOwn(KINDS, text ?? "");

/** What the columns of a file of each kind must have. */
export const REQUIRED = {
  licenses: html`Required columns: <${ColumnName} of="license__license_key" />,${" "}
    <${ColumnName} of="product__short_code" />`,
  customers: html`No required columns; customers are matched by <code>email</code>.`,
  "license-features": html`Required columns: <${ColumnName} of="license_key" />,${" "}<${ColumnName} of="code" />`,
};

/** @type {Record<Import["state"], [tone: Tone, text: string]>} */
const STATES = {
  awaiting_upload: ["wait", "Waiting for upload"],
  queued: ["wait", "Queued"],
  validating: ["busy", "Checking"],
  running: ["busy", "Importing"],
  succeeded: ["good", "Succeeded"],
  completed_with_errors: ["warn", "Completed with errors"],
  failed: ["bad", "Failed"],
  rejected: ["bad", "Rejected"],
  cancelled: ["off", "Cancelled"],
};
/** @type {[tone: Tone, text: string]} */
const STOPPING = ["busy", "Stopping…"];
/** @type {(job: Import) => [tone: Tone, text: string]} */
export const describeState = (job) =>
  (job.stopping ? STOPPING : STATES[job.state]) ?? ["off", job.state];

/** @type {(job: Import) => boolean} */
export const isRunning = (job) => ["pending", "running"].includes(job.status);
/**
 * Whether the counters may still change: also for a moment after a cancellation.
 *
 * @type {(job: Import) => boolean}
 */
export const isChanging = (job) => isRunning(job) || job.stopping;
/**
 * Whether the import ended before its last row was processed.
 *
 * @type {(job: Pick<Import, "state">) => boolean}
 */
export const isStopped = ({ state }) => ["failed", "cancelled"].includes(state);

/**
 * Whether other imports have corrected all rows that failed.
 *
 * @type {(job: Import) => boolean}
 */
const isResolved = (job) =>
  job.corrections.length > 0 &&
  !isRunning(job) &&
  !job.dry_run &&
  !job.undone_by &&
  !job.needs_attention;

/** @param {{ job: Import }} props */
export function ImportStatus({ job }) {
  const [tone, text] = describeState(job);
  return html`<${Badge} tone=${tone}>${text}<//>
    ${job.dry_run && html` <${Badge} tone="off">Dry run<//>`}
    ${job.undoes && html` <${Badge} tone="off">Undo of ${job.undoes}<//>`}
    ${job.undone_by && html` <${Badge} tone="off">Undone<//>`}
    ${isResolved(job) && html` <${Badge} tone="good">Resolved<//>`}`;
}

/**
 * The name of the API key that started an import, with its prefix.
 *
 * @type {(job: Import) => Children}
 */
export const requesterOf = ({ requested_by: by, requested_by_name: name }) =>
  by === "s3"
    ? "S3 upload"
    : html`${name || "API key"} <small class="soft"><code>${by}</code></small>`;

/**
 * Whether an import may have written something that can be removed or set back.
 *
 * @type {(job: Import) => boolean}
 */
export const isUndoable = (job) =>
  !isChanging(job) &&
  job.state !== "rejected" &&
  !job.dry_run &&
  !job.undoes &&
  !job.undone_by &&
  (isStopped(job) ? (job.counts?.total_row_count ?? 0) > 0 : hasWritten(job));

/** @type {(job: Import) => boolean} */
const hasWritten = ({ counts }) =>
  Object.entries(counts ?? {}).some(([name, count]) => /^(created|updated)_/.test(name) && count);

/** @type {(job: Import) => number | null} */
export const countInvalidRows = (job) =>
  job.counts ? job.counts.total_row_count - job.counts.valid_row_count : null;
