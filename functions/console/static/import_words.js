// What imports are called: their kinds, states and counters.
import { html } from "./html.js";
import { Badge, count } from "./parts.js";

export const KINDS = {
  licenses: { title: "License imports", one: "license", icon: "licenses" },
  customers: { title: "Customer imports", one: "customer", icon: "customers" },
  "license-features": { title: "Feature imports", one: "license feature", icon: "features" },
};

const STATES = {
  awaiting_upload: ["wait", "Waiting for the file"],
  queued: ["wait", "Queued"],
  validating: ["busy", "Checking"],
  running: ["busy", "Importing"],
  succeeded: ["good", "Succeeded"],
  completed_with_errors: ["warn", "Done, with errors"],
  failed: ["bad", "Failed"],
  rejected: ["bad", "Rejected"],
  cancelled: ["off", "Cancelled"],
};

export const isRunning = (job) => ["pending", "running"].includes(job.status);
/** Ended before all of its rows were looked at. */
export const isStopped = ({ state }) => ["failed", "cancelled"].includes(state);
const stateOf = (job) => STATES[job.state]?.[1] ?? job.state;

export function State({ job }) {
  const [tone, word] = STATES[job.state] ?? ["off", job.state];
  return html`<${Badge} tone=${tone}>${word}<//>
    ${job.dry_run && html` <${Badge} tone="off">Dry run<//>`}`;
}

/** What was made and what was there already, of each kind of record, by the published counters. */
export function made({ counts }) {
  const found = {};
  for (const [name, value] of Object.entries(counts ?? {})) {
    const [, verb, noun] = /^(created|existed)_(.+?)(?:_count)?$/.exec(name) ?? [];
    if (verb) (found[noun] ??= { title: sentence(noun) })[verb] = value;
  }
  return Object.values(found);
}

const sentence = (noun) => `${noun[0].toUpperCase()}${noun.slice(1).replaceAll("_", " ")}`;

export const invalidRows = (job) =>
  job.counts ? job.counts.total_row_count - job.counts.valid_row_count : null;

/** How far it is, in a sentence. */
export function told(job) {
  const { rows_done: done, rows_total: total } = job.progress;
  if (job.state === "awaiting_upload") return "Waiting for the file";
  if (total == null) return isRunning(job) ? "Looking at the file" : stateOf(job);
  return `${stateOf(job)}: ${count(done, "row")} of ${total.toLocaleString("en-US")}`;
}
