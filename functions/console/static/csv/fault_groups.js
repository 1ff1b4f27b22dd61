// Errors of many rows, grouped by their column and code, with the values that have them.

/** Groups, and different values of each, that are kept. */
const MAX_GROUPS = 100;
const MAX_VALUES = 20;
/** Changed letters by which a value may differ from the one that was meant, per its length. */
const MAX_CHANGES = 2;

/**
 * An error of a cell, or of a row if its column is empty. `name` is our name of the column.
 *
 * @typedef {{ column?: string | null, code: string, message: string, value?: unknown, name?: string }} Fault
 */
/** @typedef {{ value: string, count: number, message: string }} GroupValue */
/** @typedef {{ id: string, column: string, name: string, code: string, message: string, rows: number, values: GroupValue[] }} FaultGroup */

/** @type {(fault: Fault) => string} */
export const groupOf = ({ column, code }) => `${code} ${column ?? ""}`;

/** Collects errors: `feed` those of each row; `list` returns the groups with the most rows first. */
export function createGroups() {
  /** @type {Map<string, FaultGroup>} */
  const groups = new Map();
  const feed = (/** @type {Fault[]} */ faults) => {
    for (const fault of faults) {
      const id = groupOf(fault);
      const { column, code, message, name } = fault;
      const fresh = { id, column: column ?? "", name: name ?? column ?? "", code, message };
      const group = groups.get(id) ?? { ...fresh, rows: 0, values: [] };
      if (!groups.has(id) && groups.size === MAX_GROUPS) continue;
      groups.set(id, group);
      group.rows += 1;
      const value = fault.value == null ? "" : String(fault.value);
      const known = group.values.find((each) => each.value === value);
      if (known) known.count += 1;
      else if (group.values.length < MAX_VALUES) group.values.push({ value, count: 1, message });
    }
  };
  const list = () => {
    for (const { values } of groups.values()) values.sort((one, other) => other.count - one.count);
    return [...groups.values()].sort((one, other) => other.rows - one.rows);
  };
  return { feed, list };
}

/**
 * The value that was probably meant: one of those that the message names, or of `more`; or "".
 *
 * @type {(value: string, message: string, more?: string[]) => string}
 */
export function suggestValue(value, message, more = []) {
  const named = message.startsWith("must be one of ")
    ? [...message.matchAll(/'([^']+)'/g)].map(([, each]) => each)
    : [];
  const typed = value.trim().toLowerCase();
  const limit = Math.min(MAX_CHANGES, Math.floor(typed.length / 3));
  const close = [...named, ...more]
    .map((each) => ({ each, changes: countChanges(typed, each.toLowerCase()) }))
    .filter(({ each, changes }) => changes <= limit && each !== value)
    .sort((one, other) => one.changes - other.changes);
  return close.length && close[0].changes !== close[1]?.changes ? close[0].each : "";
}

/**
 * The inserted, deleted, changed and swapped letters between two texts.
 *
 * @type {(one: string, other: string) => number}
 */
function countChanges(one, other) {
  if (Math.abs(one.length - other.length) > MAX_CHANGES) return Number.POSITIVE_INFINITY;
  /** @type {number[][]} */
  const table = Array.from({ length: one.length + 1 }, (_, a) => [a]);
  for (let b = 1; b <= other.length; b += 1) table[0][b] = b;
  for (let a = 1; a <= one.length; a += 1) {
    for (let b = 1; b <= other.length; b += 1) {
      const same = one[a - 1] === other[b - 1];
      table[a][b] = Math.min(
        table[a - 1][b] + 1,
        table[a][b - 1] + 1,
        table[a - 1][b - 1] + (same ? 0 : 1),
      );
      const swapped = one[a - 1] === other[b - 2] && one[a - 2] === other[b - 1];
      if (swapped) table[a][b] = Math.min(table[a][b], table[a - 2][b - 2] + 1);
    }
  }
  return table[one.length][other.length];
}
