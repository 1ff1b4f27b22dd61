// Merge what was typed into a form with a newer version of its record, field by field.

/** @typedef {Record<string, unknown>} Values the values of a form's fields by name */

/**
 * What is typed, the values of the record as it was read, and its `updated_at`.
 *
 * @typedef {{ values: Values, base: Values, seen: string }} EditDraft
 */

/**
 * A field that was changed meanwhile. `typed` is missing if the user did not change the field.
 *
 * @typedef {{ name: string, before: unknown, now: unknown, typed?: unknown }} Change
 */

/** @type {(one: unknown, other: unknown) => boolean} */
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * The names of the fields that the user changed.
 *
 * @type {(draft: Pick<EditDraft, "values" | "base">) => string[]}
 */
export const changedNames = ({ values, base }) =>
  Object.keys(values).filter((name) => !isSame(values[name], base[name]));

/**
 * The draft on top of `current`, the values of the record as it is now, and the fields that were
 * changed meanwhile. Typed values are kept; all other fields get the current values. The fields are
 * those of `current`.
 *
 * @param {EditDraft} draft
 * @param {Values} current
 * @param {string} seen
 * @returns {{ draft: EditDraft, changes: Change[] }}
 */
export function merge({ values, base }, current, seen) {
  /** @type {Values} */
  const merged = {};
  /** @type {Change[]} */
  const changes = [];
  for (const [name, now] of Object.entries(current)) {
    const [before, typed] = [base[name], values[name]];
    const isTyped = name in base && !isSame(typed, before);
    merged[name] = isTyped ? typed : now;
    if (!(name in base) || isSame(before, now)) continue;
    if (!isTyped) changes.push({ name, before, now });
    else if (!isSame(typed, now)) changes.push({ name, before, now, typed });
  }
  return { draft: { values: merged, base: current, seen }, changes };
}
