// One import: progress, result, warnings and rows with errors.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { Corrections } from "./correct.js";
import { handOver, useDrop } from "./drop.js";
import { Button, confirm, CopyButton } from "./fields.js";
import { follow } from "./follow.js";
import { html } from "./html.js";
import { Progress } from "./import_progress.js";
import { Warnings } from "./import_warnings.js";
import { made, resultOf } from "./import_result.js";
import { invalidRows, isLive, isRunning, isStopped, KINDS, State } from "./import_words.js";
import { useLoad } from "./load.js";
import { count, Loaded, Notice, number, Page, size, when } from "./parts.js";
import { link } from "./route.js";
import { SendButton, useSending } from "./sending.js";
import { tried } from "./upload.js";

const FRESH = 700;

export function ImportJob({ kind, id, query }) {
  const from = useLoad((signal) => api.get(`imports/${id}/`, {}, { signal }), [id], {
    every: (job, error) => (error ? 5000 : job && isLive(job) ? FRESH : null),
  });
  useDrop((file) => handOver(kind, file));
  const job = from.value;
  if (job) follow(job);
  const of = query.of ?? job?.corrects;
  const back = of
    ? { href: link(`imports/${kind}/${of}`), text: `Import ${of}` }
    : { href: link(`imports/${kind}`), text: KINDS[kind].title };
  const title = job?.file_name ?? `Import ${id}`;
  const percent = job && isRunning(job) && job.progress.rows_done ? job.progress.percent : null;
  const actions = (shown) => html`<${Actions} job=${shown} reload=${from.reload} />`;
  return html`<${Page} title=${title} tab=${percent == null ? title : `${percent} % · ${title}`}
    back=${back} lead=${html`Import ${id} ${job && html`<${State} job=${job} />`}`}>
    <${Loaded} from=${from} rows=${6}>
      ${(shown) => html`
        <${Facts} job=${shown} />
        <${Progress} job=${shown}>${isRunning(shown) && actions(shown)}<//>
        ${!isLive(shown) && html`<${Outcome} job=${shown}>${actions(shown)}<//>`}
        ${shown.counts?.warnings > 0 && html`<${Warnings} job=${shown} />`}
        ${!isLive(shown) && invalidRows(shown) > 0 && html`<${Corrections} job=${shown} />`}
      `}
    <//>
  <//>`;
}

/** Next to the state that they change: in the heading they would push down the rest. */
function Actions({ job, reload }) {
  const problem = useSignal(null);
  const ask = (action) => async () => {
    problem.value = null;
    try {
      await api.post(`imports/${job.id}/${action}/`);
    } catch (error) {
      problem.value = error;
    }
    await reload();
  };
  const cancel = async () => {
    const text = "Rows imported so far are kept. You can resume the import later.";
    const words = { action: "Cancel import", keep: "Keep running" };
    if (await confirm({ title: "Cancel this import?", text, ...words })) await ask("cancel")();
  };
  return html`<div class="row">
    ${isRunning(job) && html`<${Button} plain danger scope="imports:write" onPress=${cancel}>Cancel<//>`}
    ${
      isStopped(job) &&
      job.file_sha256 &&
      job.refusal?.code !== "file_gone" &&
      html`<${Button} icon="again" scope="imports:write" onPress=${ask("retry")}>Resume<//>`
    }
    ${problem.value && html`<span class="wrong" role="alert">${problem.value.message}</span>`}
  </div>`;
}

const KIND_OF = { succeeded: "success", completed_with_errors: "warning", rejected: "error" };

const kindOf = ({ state, counts }) =>
  state === "succeeded" && counts.warnings > 0 ? "warning" : KIND_OF[state];

function Outcome({ job, children }) {
  const { refusal, counts, state } = job;
  const newFile = link(`imports/${job.kind}/new`);
  return html`
    ${
      refusal &&
      html`<${Notice} kind="error"
        title=${counts ? "The import failed" : "Can't import this file"}>
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
      KIND_OF[state] &&
      html`<${Notice} kind=${kindOf(job)} title=${resultOf(job)}>
      ${job.dry_run && html`<p>This was a test run: nothing was saved.</p>`}
      ${
        state === "rejected" &&
        html`<p>“Import nothing” was selected.
          ${" "}${counts.valid_row_count > 0 && `Import the ${count(counts.valid_row_count, "valid row")}, or fix`}
          ${!counts.valid_row_count && "Fix"} the errors below.</p>`
      }
    <//>`
    }
    ${job.dry_run && state !== "rejected" && KIND_OF[state] && html`<${Otherwise} job=${job}>Run the real import<//>`}
    ${
      state === "rejected" &&
      !job.dry_run &&
      counts.valid_row_count > 0 &&
      html`<${Otherwise} job=${job}>Import ${count(counts.valid_row_count, "valid row")}<//>`
    }
    ${counts && html`<${Numbers} job=${job} />`}
    <${Resolved} job=${job} />
  `;
}

function Numbers({ job }) {
  const { counts, dry_run, state } = job;
  return html`<dl class="facts">
    <div><dt>Rows</dt><dd>${number(counts.total_row_count)}</dd></div>
    <div><dt>Valid</dt><dd>${number(counts.valid_row_count)}</dd></div>
    <div><dt>${isStopped(job) ? "Not imported" : "Errors"}</dt><dd>${number(invalidRows(job))}</dd></div>
    ${
      state !== "rejected" &&
      made(job).map(
        ({ title, created, existed }) => html`<div><dt>${title}</dt>
          <dd>${number(created)} <small>${dry_run ? "would be created" : "created"}</small></dd>
          <dd class="soft">${number(existed)} already existed</dd></div>`,
      )
    }
  </dl>`;
}

/** The imports of corrected rows, and the import that this one corrects. */
function Resolved({ job }) {
  const open = number(invalidRows(job));
  const to = (id) => html`<a href=${link(`imports/${job.kind}/${id}`)}>import ${id}</a>`;
  return html`
    ${job.corrects && html`<p>Corrects rows of ${to(job.corrects)}.</p>`}
    ${job.corrections.map(
      ({ id, state, resolved_rows: rows }) => html`<p>${
        ["awaiting_upload", "queued", "validating", "running"].includes(state)
          ? "Corrected rows are being imported in "
          : `${number(rows)} of ${open} resolved in `}${to(id)}.</p>`,
    )}
  `;
}

/** After a test run or a rejection: import the same file with other options, if it is at hand. */
function Otherwise({ job, children }) {
  const sending = useSending(job.kind);
  const known = tried.get(job.id);
  if (!known)
    return html`<p><a href=${link(`imports/${job.kind}/new`)}>Choose the file again</a> to import it.</p>`;
  const send = async () => {
    const end = await sending.send(known.file, known.options);
    if (end === "stopped") known.options = { ...known.options, external_id: crypto.randomUUID() };
  };
  return html`<section class="part">
    <${SendButton} sending=${sending} onSend=${send}>${children}<//>
  </section>`;
}

/** Above everything that changes, and with room for what is not known yet: nothing moves. */
function Facts({ job }) {
  const { detected } = job;
  const facts = [
    ["File", html`${job.file_name}, ${size(job.size)}`],
    ["Started by", job.requested_by === "s3" ? "S3 upload" : html`key <code>${job.requested_by}</code>`],
    ["Requested", when(job.created_at)],
    ["Started", when(job.started_at)],
    ["Finished", when(job.finished_at)],
    [
      "Options",
      `${job.on_error === "reject_all" ? "Import nothing if a row has errors" : "Skip rows with errors"}${job.dry_run ? ", test run" : ""}`,
    ],
    ["Format", detected && `${detected.encoding}, separated by ${JSON.stringify(detected.delimiter)}`],
    ["Ignored columns", detected && (detected.unknown_columns.join(", ") || "None")],
    [
      "SHA-256",
      job.file_sha256 &&
        html`<span class="masked"><code>${job.file_sha256}</code>
          <${CopyButton} text=${job.file_sha256} what="Copy the SHA-256" /></span>`,
    ],
  ];
  return html`<details class="part">
    <summary>About this import</summary>
    <dl class="card">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value || "–"}</dd>`)}</dl>
  </details>`;
}
