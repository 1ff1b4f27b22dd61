// The licenses that a bulk request could not change, and why.

/** @import { Fault, License } from "../api/types.ts" */

/** @typedef {Pick<Fault, "pointer" | "code" | "message">} BulkFault */

const MEANWHILE = "changed meanwhile. The list shows its current terms.";

/**
 * The failed licenses of `sent`. The API names each by its position, such as `/3/max_activations`, and
 * possibly several times.
 *
 * @template {Pick<License, "id">} T
 * @param {BulkFault[]} faults
 * @param {T[]} sent
 * @returns {{ license: T, message: string }[]}
 */
export function failedLicenses(faults, sent) {
  /** @type {Map<T, Set<string>>} */
  const messages = new Map();
  for (const { pointer, code, message } of faults) {
    const license = sent[Number(/^\/(\d+)(\/|$)/.exec(pointer ?? "")?.[1] ?? Number.NaN)];
    if (!license) continue;
    const text = code === "changed_meanwhile" ? MEANWHILE : message;
    messages.set(license, (messages.get(license) ?? new Set()).add(text));
  }
  return [...messages].map(([license, texts]) => ({ license, message: [...texts].join("; ") }));
}
