// The dialog that exports all records of a kind, with the progress and the files of recent exports.

/** @import { Answer, Export, Failure, ImportKind } from "../api/types.ts" */
/** @import { Children } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { useLoad } from "../api/load.js";
import { Button, Download } from "../parts/buttons.js";
import { Dialog } from "../parts/dialogs.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Loaded, Notice } from "../parts/parts.js";

const LISTED = 5;
const POLL = 1000;

/** @type {(job: Export) => boolean} */
const isRunning = ({ state }) => state === "queued" || state === "running";

/** @type {(job: Export) => Children} */
function describe({ state, count, left_out: leftOut, progress, refusal, created_at: at }) {
  const { records_done: done, records_total: total } = progress;
  switch (state) {
    case "succeeded": {
      const kept = formatNumber(count) + (count === 1 ? " row" : " rows");
      const without = leftOut ? `, ${formatNumber(leftOut)} that a file can't name left out` : "";
      return html`${formatTime(at)}: ${kept}${without}`;
    }
    case "failed":
      return html`${formatTime(at)}: failed. ${refusal?.message}`;
    case "cancelled":
      return html`${formatTime(at)}: cancelled`;
    default:
      return total == null
        ? `Exporting, ${formatNumber(done)} records so far`
        : `Exporting, ${formatNumber(done)} of ${formatNumber(total)} records`;
  }
}

/**
 * @param {{ kind: ImportKind, title: string, onClose: () => void }} props
 */
export function ExportDialog({ kind, title, onClose }) {
  const problem = useSignal(/** @type {Failure | null} */ (null));
  const jobs = useLoad((signal) => api.get("exports/", { limit: 100 }, { signal }), [kind], {
    every: (page) => (page?.results.some(isRunning) ? POLL : null),
  });
  /** @type {(request: () => Promise<unknown>, done: string) => Promise<void>} */
  const act = async (request, done) => {
    problem.value = null;
    try {
      await request();
      announce(done);
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
    await jobs.reload();
  };
  const start = () => act(() => api.post("exports/", { kind }), "Export started");
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>The file is a CSV in the import format. You can close this dialog; the export keeps running.
      Files are kept for 7 days.</p>
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    <${Loaded} from=${jobs} rows=${2}>
      ${(/** @type {Answer<"get", "exports/">} */ page) => html`<ul class="stack plain-list">
        ${page.results
          .filter((job) => job.kind === kind && (job.file_url || job.state !== "succeeded"))
          .slice(0, LISTED)
          .map((job) => html`<${ExportLine} key=${job.id} job=${job} act=${act} />`)}
      </ul>`}
    <//>
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Close</button>
      <${Button} icon="down" onPress=${start}>Start export<//>
    </footer>
  <//>`;
}

/**
 * @param {{
 *   job: Export,
 *   act: (request: () => Promise<unknown>, done: string) => Promise<void>,
 * }} props
 */
function ExportLine({ job, act }) {
  const path = /** @type {const} */ (`exports/${job.id}/`);
  const cancel = () => act(() => api.post(`${path}cancel/`), "Export cancelled");
  const retry = () => act(() => api.post(`${path}retry/`), "Export restarted");
  return html`<li>
    <div class="row apart"><span>${describe(job)}</span>
      ${job.file_url && html`<${Download} path=${`${path}file.csv`}>Download CSV<//>`}
      ${isRunning(job) && html`<${Button} plain onPress=${cancel}>Cancel export<//>`}
      ${job.state === "failed" && html`<${Button} plain onPress=${retry}>Retry export<//>`}</div>
    ${
      isRunning(job) &&
      html`<progress max="100" value=${job.progress.percent ?? undefined}
        aria-label="Progress of the export"></progress>`
    }
  </li>`;
}
