// The progress and the result of an import in one sentence.
import { isLive, isRunning, isStopped, stateOf } from "./import_words.js";
import { count, number } from "./parts.js";

/** Created and existing records of each kind, from the published counters. */
export function made({ counts }) {
  const found = {};
  for (const [name, value] of Object.entries(counts ?? {})) {
    const [, verb, noun] = /^(created|existed)_(.+?)(?:_count)?$/.exec(name) ?? [];
    if (verb) (found[noun] ??= { title: sentence(noun) })[verb] = value;
  }
  return Object.values(found);
}

const sentence = (noun) => `${noun[0].toUpperCase()}${noun.slice(1).replaceAll("_", " ")}`;

/** The state and progress of an import in one sentence. */
export function progressOf(job) {
  const { rows_done: done, rows_total: total } = job.progress;
  const [, word] = stateOf(job);
  if (total == null) return isRunning(job) && job.state !== "awaiting_upload" ? "Reading file…" : word;
  if (!isLive(job)) return `${word}: ${resultOf(job)}`;
  return `${word} ${number(done)} of ${count(total, "row")}`;
}

/** The result of an import that ended, in one sentence. */
export function resultOf(job) {
  const { warnings } = job.counts;
  return `${outcomeOf(job)}${warnings > 0 ? `, ${number(warnings)} with warnings` : ""}`;
}

function outcomeOf(job) {
  const { counts, dry_run, state } = job;
  const rows = counts.total_row_count;
  const good = counts.valid_row_count;
  const bad = rows - good;
  const errors = count(bad, "row has errors", "rows have errors");
  if (isStopped(job)) return `${number(good)} of ${count(rows, "row")} imported`;
  if (state === "rejected") return `Nothing imported: ${errors}`;
  if (state === "completed_with_errors")
    return `${number(good)} of ${count(rows, "row")} ${dry_run ? "valid" : "imported"}, ${errors}`;
  const kinds = made(job);
  const all = rows === 1 ? "the only row" : `all ${number(rows)}`;
  if (!rows) return "The file has no rows";
  if (kinds.every(({ created }) => !created))
    return `Nothing new: ${all} already existed`;
  if (dry_run) return `${rows === 1 ? "The row is" : `All ${number(rows)} rows are`} valid`;
  return rows === 1 ? "1 row imported" : `All ${number(rows)} rows imported`;
}
