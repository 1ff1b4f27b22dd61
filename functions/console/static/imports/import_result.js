// Describe the progress and the result of an import.

/** @import { Import } from "../api/types.ts" */
import { formatCount, formatNumber } from "../parts/formats.js";
import { describeState, isChanging, isRunning, isStopped } from "./import_states.js";

/**
 * @typedef {object} RecordCounts `updated` and `unchanged` add up to `existed`
 * @property {string} title
 * @property {number} [created]
 * @property {number} [existed]
 * @property {number} [updated]
 * @property {number} [unchanged]
 * @property {number} [reverted] of an undo
 * @property {number} [kept] of an undo
 */

/**
 * The counters of each kind of record.
 *
 * @type {(job: Pick<Import, "counts">) => RecordCounts[]}
 */
export function countRecords({ counts }) {
  /** @type {Record<string, RecordCounts>} */
  const records = {};
  for (const [name, value] of Object.entries(counts ?? {})) {
    const [, verb, noun] =
      /^(created|existed|updated|unchanged|reverted|kept)_(?!because_)(.+?)(?:_count)?$/.exec(
        name,
      ) ?? [];
    if (verb) records[noun] = { ...records[noun], title: toTitle(noun), [verb]: value };
  }
  return Object.values(records);
}

/** @type {(noun: string) => string} */
const toTitle = (noun) => `${noun[0].toUpperCase()}${noun.slice(1).replaceAll("_", " ")}`;

/** @type {Record<Import["kind"], string>} */
const COUNTED = {
  licenses: "licenses_count",
  customers: "customers_count",
  "license-features": "license_features",
};

/** @typedef {"created" | "updated" | "unchanged" | "failed" | "reverted" | "kept"} Outcome */

/**
 * How many rows of an import, or of an undo, have each of its outcomes.
 *
 * @type {(job: Pick<Import, "kind" | "counts" | "undoes">) => Partial<Record<Outcome, number>>}
 */
export function countOutcomes({ kind, counts, undoes }) {
  const count = (/** @type {string} */ name) => counts?.[name] ?? 0;
  const of = COUNTED[kind];
  if (undoes) return { reverted: count(`reverted_${of}`), kept: count(`kept_${of}`) };
  const updated = count(`updated_${of}`);
  return {
    created: count(`created_${of}`),
    updated,
    unchanged: count(`existed_${of}`) - updated,
    failed: count("total_row_count") - count("valid_row_count"),
  };
}

/**
 * The changed fields of a row as text; null and "" are shown as "(empty)".
 *
 * @type {(changes: Record<string, { before?: unknown, after?: unknown }> | null) => [name: string, before: string, after: string][]}
 */
export const listChanges = (changes) =>
  Object.entries(changes ?? {}).map(([name, { before, after }]) => [
    name,
    showValue(before),
    showValue(after),
  ]);

/** @type {(value: unknown) => string} */
const showValue = (value) =>
  value == null || value === ""
    ? "(empty)"
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

/**
 * The state and progress of an import, in one sentence.
 *
 * @type {(job: Import) => string}
 */
export function describeProgress(job) {
  const { rows_done: done, rows_total: total } = job.progress;
  const [, text] = describeState(job);
  if (total == null)
    return isRunning(job) && job.state !== "awaiting_upload" ? "Reading file…" : text;
  if (!isChanging(job)) return `${text}: ${describeResult(job)}`;
  return `${text} ${formatNumber(done)} of ${formatCount(total, "row")}`;
}

/**
 * The result of a finished import, in one sentence.
 *
 * @type {(job: Import) => string}
 */
export function describeResult(job) {
  const counts = job.counts ?? {};
  const { warnings } = counts;
  return `${describeOutcome(job, counts)}${warnings > 0 ? `, ${formatNumber(warnings)} with warnings` : ""}`;
}

/** @type {(noun: string) => string} */
const toNoun = (noun) => noun[0].toLowerCase() + noun.slice(1);

/** @type {Record<string, string>} */
const REASONS = {
  changed_since: "changed since",
  used_since: "assigned to users",
  has_members: "bundles with kept members",
  not_ours: "not of this import",
  has_licenses: "orders with kept licenses",
  appended_since: "orders with added licenses",
  has_orders: "customers with orders",
  not_as_planned: "not shown by the dry run",
};

/**
 * What an undo has done or, in a dry run, would do, in one sentence.
 *
 * @type {(job: Import) => string}
 */
export function describeUndo({ counts, dry_run }) {
  const records = countRecords({ counts });
  const reverted = records
    .filter((each) => each.reverted)
    .map(({ reverted, title }) => formatCount(reverted ?? 0, toNoun(title).replace(/s$/, "")));
  const reasons = Object.entries(counts ?? {})
    .filter(([name]) => name.startsWith("kept_because_"))
    .map(([name, count]) => [REASONS[name.replace("kept_because_", "")] ?? name, count])
    .map(([reason, count]) => `${formatNumber(Number(count))} ${reason}`);
  const verb = dry_run ? "will be removed or set back" : "removed or set back";
  const what = reverted.length ? `${reverted.join(", ")} ${verb}` : "Nothing to remove or set back";
  return reasons.length ? `${what}. Kept: ${reasons.join(", ")}` : what;
}

/** @type {(job: Import) => number} */
export const countReverted = (job) =>
  countRecords(job).reduce((sum, each) => sum + (each.reverted ?? 0), 0);

/** @type {(job: Import, counts: Record<string, number>) => string} */
function describeOutcome(job, counts) {
  if (job.undoes && job.state === "succeeded") return describeUndo(job);
  const { dry_run, state } = job;
  const rows = counts.total_row_count;
  const valid = counts.valid_row_count;
  const errors = formatCount(rows - valid, "row has errors", "rows have errors");
  if (isStopped(job)) return `${formatNumber(valid)} of ${formatCount(rows, "row")} imported`;
  if (state === "rejected") return `Nothing imported: ${errors}`;
  if (state === "completed_with_errors")
    return `${formatNumber(valid)} of ${formatCount(rows, "row")} ${dry_run ? "valid" : "imported"}, ${errors}`;
  const kinds = countRecords(job);
  const all = rows === 1 ? "the only row" : `all ${formatNumber(rows)}`;
  if (!rows) return "Nothing imported: the file has no rows";
  if (kinds.every(({ created, updated }) => !created && !updated))
    return job.on_existing === "update"
      ? `Nothing changed: ${all} already existed with these values`
      : `Nothing new: ${all} already existed`;
  if (dry_run) return `${rows === 1 ? "The row is" : `All ${formatNumber(rows)} rows are`} valid`;
  return rows === 1 ? "1 row imported" : `All ${formatNumber(rows)} rows imported`;
}
