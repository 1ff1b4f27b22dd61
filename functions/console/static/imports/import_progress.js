// The progress of a running import: rows, rate, time left, and announcements for screen readers.

/** @import { Import } from "../api/types.ts" */
/** @import { Children } from "../parts/types.ts" */
import { useEffect, useRef } from "preact/hooks";
import { formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { describeProgress } from "./import_result.js";
import { isChanging } from "./import_states.js";
import { announce } from "../parts/parts.js";

/** Number of progress updates over which the rate is measured. */
const MAX_SAMPLES = 8;

/**
 * Announces the progress at first, after each quarter, and at the end.
 *
 * @param {{ job: Import, children: Children }} props
 */
export function Progress({ job, children }) {
  const announced = useRef("");
  const rate = useRate(job);
  const { percent, rows_done: done } = job.progress;
  const live = isChanging(job);
  const quarter = live && !job.stopping ? Math.floor((percent ?? 0) / 25) : "";
  const step = `${job.attempts} ${job.state} ${job.stopping} ${quarter}`;
  useEffect(() => {
    if (announced.current !== step) announce(describeProgress(job));
    announced.current = step;
  }, [step]);
  if (!live) return null;
  return html`<article>
    <div class="row apart"><strong>${describeProgress(job)}</strong>
      <span class="soft">${rate}${done ? `${percent} %` : ""}</span></div>
    <progress max="100" value=${done && !job.stopping ? percent : undefined}
      aria-label="Progress of the import"></progress>
    <p class="soft">${
      job.stopping
        ? "Finishing rows in progress. The final counts follow."
        : "Updates automatically. You can leave this page; the import keeps running."
    }</p>
    <div class="row">${children}</div>
  </article>`;
}

/**
 * `1,200 rows/s · about 2 min left · `, or "" before the second update.
 *
 * @type {(job: Import) => string}
 */
function useRate({ progress: { rows_done: done, rows_total: total }, state, stopping }) {
  /** @type {{ done: number, at: number }[]} */
  const none = [];
  const samples = useRef({ state, updates: none });
  if (samples.current.state !== state) samples.current = { state, updates: none };
  const { updates } = samples.current;
  if (updates.at(-1)?.done !== done) updates.push({ done, at: performance.now() });
  if (updates.length > MAX_SAMPLES) updates.shift();
  const rows = done - updates[0].done;
  const seconds = (updates[updates.length - 1].at - updates[0].at) / 1000;
  if (rows <= 0 || !seconds || total == null || stopping) return "";
  const left = ((total - done) * seconds) / rows;
  const time = left < 60 ? "less than a minute" : `about ${Math.round(left / 60)} min`;
  return `${formatNumber(Math.round(rows / seconds))} rows/s · ${time} left · `;
}
