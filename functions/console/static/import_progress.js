// The progress of a running import: rows, rate, time left, and what screen readers hear of it.
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";
import { progressOf } from "./import_result.js";
import { isLive } from "./import_words.js";
import { number, say } from "./parts.js";

/** Steps over which the rate is measured. */
const SAMPLES = 8;

/** Announces the progress when it is first seen, at every quarter, and each end. */
export function Progress({ job, children }) {
  const announced = useRef(null);
  const rate = useRate(job);
  const { percent, rows_done: done } = job.progress;
  const live = isLive(job);
  const now = live && !job.stopping ? Math.floor((percent ?? 0) / 25) : "";
  const step = `${job.attempts} ${job.state} ${job.stopping} ${now}`;
  useEffect(() => {
    if (announced.current !== step) say(progressOf(job));
    announced.current = step;
  }, [step]);
  if (!live) return null;
  return html`<article>
    <div class="row apart"><strong>${progressOf(job)}</strong>
      <span class="soft">${rate}${done ? `${percent} %` : ""}</span></div>
    <progress max="100" value=${done && !job.stopping ? percent : undefined}
      aria-label="Progress of the import"></progress>
    <p class="soft">${
      job.stopping
        ? "Rows in flight are being finished. The final counts follow."
        : "Updates automatically. You can leave this page; the import keeps running."
    }</p>
    ${children}
  </article>`;
}

/** `1,200 rows/s · about 2 min left · `, blank until two steps were seen. */
function useRate({ progress: { rows_done: done, rows_total: total }, state, stopping }) {
  const samples = useRef({ state, seen: [] });
  if (samples.current.state !== state) samples.current = { state, seen: [] };
  const { seen } = samples.current;
  if (seen.at(-1)?.done !== done) seen.push({ done, at: performance.now() });
  if (seen.length > SAMPLES) seen.shift();
  const rows = done - seen[0].done;
  const seconds = (seen.at(-1).at - seen[0].at) / 1000;
  if (rows <= 0 || !seconds || total == null || stopping) return "";
  const left = ((total - done) * seconds) / rows;
  const words = left < 60 ? "less than a minute" : `about ${Math.round(left / 60)} min`;
  return `${number(Math.round(rows / seconds))} rows/s · ${words} left · `;
}
