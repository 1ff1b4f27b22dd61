// An import: progress, result, warnings and rows with errors.

/** @import { Failure, Import, ImportKind } from "../api/types.ts" */
/** @import { Children, NoticeKind, PageQuery } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, CopyButton } from "../parts/buttons.js";
import { Corrections } from "./corrections.js";
import { confirm } from "../parts/dialogs.js";
import { openWithFile, useDrop } from "../parts/drop.js";
import { formatCount, formatNumber, formatSize, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { follow, permission, requestPermission } from "./import_notices.js";
import { Progress } from "./import_progress.js";
import { countOutcomes, countRecords, describeResult } from "./import_result.js";
import {
  countInvalidRows,
  ImportStatus,
  isChanging,
  isRunning,
  isStopped,
  isUndoable,
  requesterOf,
} from "./import_states.js";
import { Rows } from "./import_rows.js";
import { Warnings } from "./import_warnings.js";
import { useLoad } from "../api/load.js";
import { Loaded, Notice, Page } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { resendable } from "../api/upload.js";
import { UndoButton } from "./undo_import.js";
import { UploadButton, useUpload } from "./upload_button.js";

/** Milliseconds between reloads, while the import runs and after an error. */
const INTERVAL = 700;
const RETRY_INTERVAL = 5000;

/** @param {{ kind: ImportKind, id: string, query: PageQuery }} props */
export function ImportJob({ kind, id, query }) {
  const from = useLoad((signal) => api.get(`imports/${id}/`, {}, { signal }), [id], {
    every: (job, error) => (error ? RETRY_INTERVAL : job && isChanging(job) ? INTERVAL : null),
  });
  useDrop((file) => openWithFile(kind, file));
  const job = from.value;
  if (job) follow(job);
  const corrected = query.of ?? job?.corrects;
  const back = corrected
    ? { href: link(`imports/${kind}/${corrected}`), text: `Import ${corrected}` }
    : { href: link("imports"), text: "Imports" };
  const title = job?.file_name ?? `Import ${id}`;
  const percent = job && isRunning(job) && job.progress.rows_done ? job.progress.percent : null;
  /** @param {Import} shown */
  const actions = (shown) => html`<${Actions} job=${shown} reload=${from.reload} />`;
  return html`<${Page} title=${title} tab=${percent == null ? title : `${percent} % · ${title}`}
    back=${back} lead=${html`Import ${id} ${job && html`<${ImportStatus} job=${job} />`}`}>
    <${Loaded} from=${from} rows=${6}>
      ${(/** @type {Import} */ shown) => html`
        <${Facts} job=${shown} />
        <${Progress} job=${shown}>${isRunning(shown) && html`${actions(shown)}<${NotifyButton} />`}<//>
        ${!isChanging(shown) && html`<${Outcome} job=${shown}>${actions(shown)}<//>`}
        ${
          hasResults(shown) &&
          html`<${Rows} job=${shown} outcome=${query.rows}>
            ${isUndoable(shown) && html`<${UndoButton} job=${shown} />`}<//>`
        }
        ${(shown.counts?.warnings ?? 0) > 0 && html`<${Warnings} job=${shown} />`}
        ${!isChanging(shown) && (countInvalidRows(shown) ?? 0) > 0 && html`<${Corrections} job=${shown} />`}
      `}
    <//>
  <//>`;
}

/** Lets the browser show a notification at the end; no browser is asked without a press. */
function NotifyButton() {
  if (permission.value === "default")
    return html`<${Button} plain icon="bell" onPress=${requestPermission}>Notify me when it ends<//>`;
  const text = {
    granted: "Your browser will notify you when it ends.",
    denied: "Notifications of this site are blocked in your browser.",
  }[/** @type {string} */ (permission.value)];
  return text ? html`<span class="soft">${text}</span>` : null;
}

/** @type {(job: Import) => boolean} */
const hasResults = (job) =>
  !isChanging(job) && job.state !== "rejected" && (job.counts?.total_row_count ?? 0) > 0;

/**
 * Shown next to the state: in the heading they would move the content below.
 *
 * @param {{ job: Import, reload: () => Promise<void> }} props
 */
function Actions({ job, reload }) {
  const problem = useSignal(/** @type {Failure | null} */ (null));
  /** @param {"cancel" | "retry"} action */
  const request = (action) => async () => {
    problem.value = null;
    try {
      await api.post(`imports/${job.id}/${action}/`);
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
    await reload();
  };
  const cancel = async () => {
    const text = "Rows imported so far are kept. You can resume the import later.";
    const buttons = { action: "Cancel import", cancel: "Keep running" };
    if (await confirm({ title: "Cancel this import?", text, ...buttons }))
      await request("cancel")();
  };
  return html`<div class="row">
    ${isRunning(job) && html`<${Button} plain danger scope="imports:write" onPress=${cancel}>Cancel import<//>`}
    ${
      isStopped(job) &&
      !job.undone_by &&
      job.file_sha256 &&
      job.refusal?.code !== "file_gone" &&
      html`<${Button} icon="retry" scope="imports:write" onPress=${request("retry")}>Retry import<//>`
    }
    ${problem.value && html`<span class="wrong" role="alert">${problem.value.message}</span>`}
  </div>`;
}

/** @type {Partial<Record<Import["state"], NoticeKind>>} */
const NOTICE_KINDS = { succeeded: "success", completed_with_errors: "warning", rejected: "error" };

/** @type {(job: Import) => NoticeKind | undefined} */
const noticeKindOf = ({ state, counts }) =>
  state === "succeeded" && (counts?.warnings ?? 0) > 0 ? "warning" : NOTICE_KINDS[state];

/** @param {{ job: Import, children: Children }} props */
function Outcome({ job, children }) {
  const { refusal, counts, state } = job;
  const valid = counts?.valid_row_count ?? 0;
  const newFile = link(`imports/${job.kind}/new`);
  return html`
    ${
      refusal &&
      html`<${Notice} kind="error"
        title=${counts ? "The import failed" : "Can’t import this file"}>
      <p>${refusal.message}</p>
      ${
        (!job.file_sha256 || refusal.code === "file_gone") &&
        html`<p><a href=${newFile}>Import another file</a></p>`
      }
    <//>`
    }
    ${
      state === "cancelled" &&
      html`<${Notice} title="Import cancelled">
      <p>Rows imported before cancelling were kept.</p>
    <//>`
    }
    ${isStopped(job) && html`<div class="part">${children}</div>`}
    ${
      NOTICE_KINDS[state] &&
      html`<${Notice} kind=${noticeKindOf(job)} title=${describeResult(job)}>
      ${job.dry_run && html`<p>This was a dry run: nothing was saved.</p>`}
      ${
        state === "rejected" &&
        html`<p>“Import nothing” was selected.
          ${" "}${valid > 0 && `Import the ${formatCount(valid, "valid row")}, or fix`}
          ${!valid && "Fix"} the errors below.</p>`
      }
    <//>`
    }
    ${job.plan && !job.undoes && html`<${Commit} job=${job} plan=${job.plan} />`}
    ${
      state === "rejected" &&
      !job.dry_run &&
      valid > 0 &&
      html`<${ImportAgain} job=${job}>Import ${formatCount(valid, "valid row")}<//>`
    }
    ${counts && html`<${Counters} job=${job} />`}
    <${UndoLinks} job=${job} />
    <${CorrectionLinks} job=${job} />
  `;
}

/** @param {{ job: Import }} props */
function UndoLinks({ job }) {
  const { kind, undoes, undone_by: by } = job;
  return html`
    ${undoes && html`<p>Undoes <a href=${link(`imports/${kind}/${undoes}`)}>import ${undoes}</a></p>`}
    ${by && html`<p>Undone by <a href=${link(`imports/${kind}/${by}`)}>import ${by}</a></p>`}
  `;
}

/** The lists that can be filtered by import. */
const LISTS = new Set(["customers", "licenses", "orders"]);

/** @param {{ job: Import }} props */
function Counters({ job }) {
  const { dry_run, state } = job;
  const counts = job.counts ?? {};
  const outcomes = countOutcomes(job);
  const hasRecords = !dry_run && !job.undoes && !job.undone_by;
  /**
   * A count, as a link to the records that the import has created, or to the rows with the outcome
   * if it is the count of these rows.
   *
   * @param {number | null | undefined} count
   * @param {keyof typeof outcomes} outcome
   * @param {Children} [text]
   * @param {string} [list] the list of the records
   */
  const linked = (count, outcome, text, list) => {
    const shown = html`${formatNumber(count)}${text && html` <small>${text}</small>`}`;
    if (!count) return shown;
    if (hasRecords && outcome === "created" && list && LISTS.has(list))
      return html`<a href=${link(list, { import_id: job.id })}>${shown}</a>`;
    return hasResults(job) && count === outcomes[outcome]
      ? html`<a href=${link(`imports/${job.kind}/${job.id}`, { rows: outcome })}>${shown}</a>`
      : shown;
  };
  return html`<dl class="facts">
    <div><dt>Rows</dt><dd>${formatNumber(counts.total_row_count)}</dd></div>
    <div><dt>Valid</dt><dd>${formatNumber(counts.valid_row_count)}</dd></div>
    <div><dt>${isStopped(job) ? "Not imported" : "Errors"}</dt><dd>${linked(countInvalidRows(job), "failed")}</dd></div>
    ${
      state !== "rejected" &&
      countRecords(job).map(({ title, created, existed, updated, unchanged, reverted, kept }) =>
        job.undoes
          ? html`<div><dt>${title}</dt>
              <dd>${linked(reverted, "reverted", dry_run ? "to revert" : "reverted")}</dd>
              <dd class="soft">${linked(kept, "kept", "kept")}</dd></div>`
          : html`<div><dt>${title}</dt>
          <dd>${linked(created, "created", dry_run ? "to create" : "created", title.toLowerCase())}</dd>
          ${
            job.on_existing === "update" && updated !== undefined
              ? html`<dd>${linked(updated, "updated", dry_run ? "to update" : "updated")}</dd>
                <dd class="soft">${linked(unchanged, "unchanged", "unchanged")}</dd>`
              : html`<dd class="soft">${linked(existed, "unchanged", "already existed")}</dd>`
          }</div>`,
      )
    }
  </dl>`;
}

/**
 * Links to the imports of corrected rows, and to the import that this one corrects.
 *
 * @param {{ job: Import }} props
 */
function CorrectionLinks({ job }) {
  const rejected = job.state === "rejected" && job.counts?.total_row_count;
  const total = formatNumber(rejected || countInvalidRows(job));
  /** @param {number} id */
  const to = (id) => html`<a href=${link(`imports/${job.kind}/${id}`)}>import ${id}</a>`;
  return html`
    ${job.corrects && html`<p>Corrects rows of ${to(job.corrects)}.</p>`}
    ${job.corrections.map(
      ({ id, state, resolved_rows: rows }) =>
        html`<p>${
          ["awaiting_upload", "queued", "validating", "running"].includes(state)
            ? "Corrected rows are being imported in "
            : `${formatNumber(rows)} of ${total} resolved in `
        }${to(id)}.</p>`,
    )}
  `;
}

/**
 * After a dry run: import exactly what it has shown, without another upload.
 *
 * @param {{ job: Import, plan: NonNullable<Import["plan"]> }} props
 */
function Commit({ job, plan }) {
  const problem = useSignal(/** @type {Failure | null} */ (null));
  if (plan.committed_by) {
    const to = link(`imports/${job.kind}/${plan.committed_by}`);
    return html`<p>Imported as planned by <a href=${to}>import ${plan.committed_by}</a>.</p>`;
  }
  const commit = async () => {
    problem.value = null;
    try {
      const next = await api.post(`imports/${job.id}/commit/`, { hash: plan.hash });
      go(`imports/${job.kind}/${next.id}`);
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
  };
  return html`<section class="part">
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    <${Button} icon="up" scope="imports:write" onPress=${commit}>Import exactly this<//>
    <p class="soft">Until ${formatTime(plan.expires_at)}. A row whose result would be another one by
      then is skipped, and listed as an error.</p>
  </section>`;
}

/**
 * After a rejection: import the same file with other options, if still in memory.
 *
 * @param {{ job: Import, children: Children }} props
 */
function ImportAgain({ job, children }) {
  const upload = useUpload(job.kind);
  const entry = resendable.get(job.id);
  if (!entry)
    return html`<p><a href=${link(`imports/${job.kind}/new`)}>Choose the file again</a> to import it.</p>`;
  const send = async () => {
    const outcome = await upload.send(entry.file, { ...entry.options, corrects: job.id });
    if (outcome === "cancelled")
      entry.options = { ...entry.options, external_id: crypto.randomUUID() };
  };
  return html`<section class="part">
    <${UploadButton} upload=${upload} onSend=${send}>${children}<//>
  </section>`;
}

/** @type {Record<Import["on_existing"], string>} */
const EXISTING = { keep: "Keep them", update: "Update them", refuse: "Report an error" };
/** @type {Record<Import["on_missing"], string>} */
const MISSING = { create: "Create them", refuse: "Report an error" };

/** @type {Record<Import["keys"], string>} */
const KEYS = { require: "Report an error", generate: "Generate a key" };

/**
 * Above everything that changes, with space for values that are not known yet: nothing moves.
 *
 * @param {{ job: Import }} props
 */
function Facts({ job }) {
  const { detected } = job;
  const facts = [
    ["File", html`${job.file_name}, ${formatSize(job.size)}`],
    ["Started by", requesterOf(job)],
    ["Requested", formatTime(job.created_at)],
    ["Started", formatTime(job.started_at)],
    ["Finished", formatTime(job.finished_at)],
    [
      "Options",
      `${job.on_error === "reject_all" ? "Import nothing if a row has errors" : "Skip rows with errors"}${job.dry_run ? ", dry run" : ""}`,
    ],
    ["Existing records", EXISTING[job.on_existing]],
    ["New records", MISSING[job.on_missing]],
    ["Licenses without a key", KEYS[job.keys]],
    ["Format", detected && describeFormat(job, detected)],
    ["Mapping", job.mapping_url && (job.mapping_name ?? "Of this file only")],
    ["Ignored columns", detected && (detected.unknown_columns.join(", ") || "None")],
    [
      "SHA-256",
      html`<span class="masked hash">${
        job.file_sha256
          ? html`<code>${job.file_sha256}</code>
            <${CopyButton} text=${job.file_sha256} what="Copy the SHA-256" />`
          : "–"
      }</span>`,
    ],
  ];
  return html`<details class="part">
    <summary>About this import</summary>
    <dl class="card">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value || "–"}</dd>`)}</dl>
  </details>`;
}

/** @type {(job: Import, detected: NonNullable<Import["detected"]>) => string} */
function describeFormat({ encoding, dates }, detected) {
  const how = encoding === detected.encoding ? "as requested" : "detected";
  const order = { iso: "", dmy: ", dates: day, month, year", mdy: ", dates: month, day, year" };
  return `${detected.encoding} (${how}), delimiter ${JSON.stringify(detected.delimiter)}${order[dates]}`;
}
