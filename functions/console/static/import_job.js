// One import: how far it is, what it made, and the rows that it did not take.
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { Corrections } from "./correct.js";
import { Button, confirm, CopyButton } from "./fields.js";
import { html } from "./html.js";
import { invalidRows, isRunning, isStopped, KINDS, made, State, told } from "./import_words.js";
import { useLoad } from "./load.js";
import { count, Loaded, Notice, number, Page, say, size, when } from "./parts.js";
import { link } from "./route.js";
import { SendButton, useSending } from "./sending.js";
import { tried } from "./upload.js";

const FRESH = 700;

export function ImportJob({ kind, id, query }) {
  const from = useLoad((signal) => api.get(`imports/${id}/`, {}, { signal }), [id], {
    every: (job, error) => (error ? 5000 : job && isRunning(job) ? FRESH : null),
  });
  const job = from.value;
  const back = query.of
    ? { href: link(`imports/${kind}/${query.of}`), text: `Import ${query.of}` }
    : { href: link(`imports/${kind}`), text: KINDS[kind].title };
  const actions = (shown) => html`<${Actions} job=${shown} reload=${from.reload} />`;
  return html`<${Page} title=${job?.file_name ?? `Import ${id}`} back=${back}
    lead=${html`Import ${id} ${job && html`<${State} job=${job} />`}`}>
    <${Loaded} from=${from} rows=${6}>
      ${(shown) => html`
        <${Facts} job=${shown} />
        <${Progress} job=${shown}>${actions(shown)}<//>
        <${Outcome} job=${shown}>${actions(shown)}<//>
        ${!isRunning(shown) && invalidRows(shown) > 0 && html`<${Corrections} job=${shown} />`}
      `}
    <//>
  <//>`;
}

/** Where what they are for stands: in the heading they would push down what is below it. */
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
    const text = "What has been imported so far stays. It can be run again later.";
    if (await confirm({ title: "Cancel this import?", text, action: "Cancel the import" }))
      await ask("cancel")();
  };
  return html`<div class="row">
    ${isRunning(job) && html`<${Button} plain danger scope="imports:write" onPress=${cancel}>Cancel<//>`}
    ${
      isStopped(job) &&
      job.file_sha256 &&
      job.refusal?.code !== "file_gone" &&
      html`<${Button} icon="again" scope="imports:write" onPress=${ask("retry")}>Run again<//>`
    }
    ${problem.value && html`<span class="wrong" role="alert">${problem.value.message}</span>`}
  </div>`;
}

/** Says aloud how far it is when it is first seen, at every quarter, and in the end. */
function Progress({ job, children }) {
  const quarter = useRef(null);
  const { percent } = job.progress;
  const running = isRunning(job);
  useEffect(() => {
    const now = running ? Math.floor((percent ?? 0) / 25) : "ended";
    if (quarter.current !== now) say(told(job));
    quarter.current = now;
  }, [percent, running]);
  if (!running) return null;
  return html`<article>
    <div class="row apart"><strong>${told(job)}</strong>
      <span class="soft">${percent == null ? "" : `${percent} %`}</span></div>
    <progress max="100" value=${percent ?? undefined} aria-label="Progress of the import">
    </progress>
    <p class="soft">This page keeps itself up to date. You may leave it: the import goes on.</p>
    ${children}
  </article>`;
}

function Outcome({ job, children }) {
  const { refusal, counts } = job;
  return html`
    ${
      refusal &&
      html`<${Notice} kind="error"
        title=${counts ? "The import was refused" : "The file was not imported"}>
      <p>${refusal.message}</p>
      ${
        (!job.file_sha256 || refusal.code === "file_gone") &&
        html`<p><a href=${link(`imports/${job.kind}/new`)}>Import another file</a></p>`
      }
    <//>`
    }
    ${
      job.state === "cancelled" &&
      html`<${Notice} title="The import was cancelled">
      <p>What had been imported by then stays.</p>
    <//>`
    }
    ${isStopped(job) && html`<div class="part">${children}</div>`}
    ${
      job.state === "rejected" &&
      html`<${Notice} kind="error" title="Nothing was imported">
      <p>A row is faulty, and this import was to take all rows or none. Import the other rows first
        and correct the faulty ones below, which are sent by themselves; or correct the file and
        import it again.</p>
    <//>`
    }
    ${
      job.state === "succeeded" &&
      html`<${Notice} kind="success"
        title=${job.dry_run ? "Every row would be imported" : "Every row was imported"}>
      ${job.dry_run && html`<p>This was a dry run: nothing was written.</p>`}
    <//>`
    }
    ${job.dry_run && DONE.has(job.state) && html`<${Otherwise} job=${job}>Import it now<//>`}
    ${
      job.state === "rejected" &&
      !job.dry_run &&
      counts.valid_row_count > 0 &&
      html`<${Otherwise} job=${job}>
      Import the other ${count(counts.valid_row_count, "row")}<//>`
    }
    ${
      counts &&
      html`<dl class="facts">
      <div><dt>Rows</dt><dd>${number(counts.total_row_count)}</dd></div>
      <div><dt>Valid</dt><dd>${number(counts.valid_row_count)}</dd></div>
      <div><dt>${isStopped(job) ? "Not imported" : "Faulty"}</dt><dd>${number(invalidRows(job))}</dd></div>
      ${made(job).map(
        ({ title, created, existed }) => html`<div><dt>${title}</dt>
          <dd>${number(created)} <small>${job.dry_run ? "would be new" : "new"}</small></dd>
          <dd class="soft">${number(existed)} there already</dd></div>`,
      )}
    </dl>`
    }
  `;
}

const DONE = new Set(["succeeded", "completed_with_errors"]);

/** After a dry run, or when nothing was taken: the same file in another way, if it is at hand. */
function Otherwise({ job, children }) {
  const sending = useSending(job.kind);
  const known = tried.get(job.id);
  if (!known)
    return html`<p>To import it, <a href=${link(`imports/${job.kind}/new`)}>choose the file
      again</a>: the console keeps a file only until its page is left or loaded anew.</p>`;
  const send = async () => {
    const end = await sending.send(known.file, known.options);
    if (end === "stopped") known.options = { ...known.options, external_id: crypto.randomUUID() };
  };
  return html`<section class="part">
    <${SendButton} sending=${sending} onSend=${send}>${children}<//>
  </section>`;
}

/** Above all that changes, and with a place for what is not known yet, so that nothing moves it. */
function Facts({ job }) {
  const { detected } = job;
  const facts = [
    ["File", html`${job.file_name}, ${size(job.size)}`],
    [
      "Started by",
      job.requested_by === "s3"
        ? "a file dropped into S3"
        : html`key <code>${job.requested_by}</code>`,
    ],
    ["Asked for", when(job.created_at)],
    ["Began", when(job.started_at)],
    ["Ended", when(job.finished_at)],
    [
      "Options",
      `${job.on_error === "reject_all" ? "nothing if a row is faulty" : "leave out faulty rows"}${job.dry_run ? ", dry run" : ""}`,
    ],
    [
      "Written in",
      detected && `${detected.encoding}, separated by ${JSON.stringify(detected.delimiter)}`,
    ],
    ["Columns left out", detected && (detected.unknown_columns.join(", ") || "None")],
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
