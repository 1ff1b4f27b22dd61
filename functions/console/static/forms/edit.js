// Forms that change a record which others may change at the same time. A form sends only the fields that
// were changed in it, with the `updated_at` of the record that it shows.

/** @import { Change, EditDraft, Values } from "./merge.js" */
/** @import { Fault } from "../api/types.ts" */
/** @import { FieldFault } from "./form.js" */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Problem } from "../api/api.js";
import { labelOf, useForm } from "./form.js";
import { changedNames, merge } from "./merge.js";
import { part } from "./field_names.js";
import { html } from "../parts/html.js";
import { Notice } from "../parts/parts.js";

/** @typedef {{ updated_at: string }} Stamped */

/** The name of a field in the form's draft. */
export const fieldOf = (/** @type {string} */ name) => `values.${part(name)}`;

/** @type {(fault: Fault) => FieldFault} */
export const locateEdit = ({ pointer, message }) => ({
  at: fieldOf((pointer ?? "").split("/")[1] ?? ""),
  message,
});

/** @type {(problem: unknown) => boolean} */
export const isConflict = (problem) =>
  problem instanceof Problem && problem.code === "changed_meanwhile";

/**
 * The form of a record, what was changed in the record meanwhile, and `save`: it sends the changed
 * fields by `send(changed, updatedAt, values)`. If the record was changed meanwhile, it is read again by
 * `reload`, and what was typed is kept. `save` resolves to whether the record was saved.
 *
 * @template {Stamped} T
 * @param {string} name
 * @param {T} record
 * @param {(record: T) => Values} toValues
 */
export function useEdit(name, record, toValues) {
  const form = useForm(name, () => {
    const values = toValues(record);
    return /** @type {EditDraft} */ ({ values, base: values, seen: record.updated_at });
  });
  const changes = useSignal(/** @type {Change[]} */ ([]));
  /** @type {(current: T) => Change[]} */
  const rebase = (current) => {
    const merged = merge(form.draft.peek(), toValues(current), current.updated_at);
    form.replace(merged.draft);
    return merged.changes;
  };
  useEffect(() => {
    if (form.draft.peek().seen === record.updated_at) return;
    const found = rebase(record);
    if (form.changed.peek()) changes.value = found;
  }, [form, record.updated_at]);
  /**
   * @param {(changed: Values, updatedAt: string, values: Values) => Promise<unknown>} send
   * @param {() => Promise<T>} reload
   * @param {(fault: Fault) => FieldFault} [locate]
   */
  const save = async (send, reload, locate = locateEdit) => {
    const attempt = () => {
      const draft = form.draft.peek();
      const changed = changedNames(draft).map((each) => [each, draft.values[each]]);
      return send(Object.fromEntries(changed), draft.seen, draft.values);
    };
    let saved = false;
    changes.value = [];
    await form.submit(async () => {
      try {
        await attempt();
      } catch (problem) {
        if (!isConflict(problem)) throw problem;
        changes.value = rebase(await reload());
        if (changes.value.length) throw conflict();
        await attempt();
      }
      saved = true;
    }, locate);
    return saved;
  };
  return { form, changes, save };
}

/** The conflict as a problem of the form; `Meanwhile` shows its fields. */
const conflict = () =>
  new Problem({
    code: "changed_meanwhile",
    title: "Not saved: changed meanwhile",
    detail: "This was changed after you opened it. Your entries are kept.",
  });

/**
 * What was changed while the user typed.
 *
 * @param {{ changes: Change[], describe?: (value: unknown) => string }} props
 */
export function Meanwhile({ changes, describe = toText }) {
  if (!changes.length) return null;
  return html`<${Notice} kind="warning" title="Changed meanwhile">
    <ul>${changes.map(
      (change) =>
        html`<li>${labelOf(fieldOf(change.name)) ?? change.name}: ${`${describe(
          change.before,
        )} → ${describe(change.now)}`}${
          "typed" in change && `; you entered ${describe(change.typed)}`
        }</li>`,
    )}</ul>
    ${
      changes.some((change) => "typed" in change) &&
      html`<p>Save again to replace the new values with yours.</p>`
    }
  <//>`;
}

/** @type {Record<string, string>} */
const WORDS = { "": "nothing", yes: "Yes", no: "No" };

/** @type {(value: unknown) => string} */
function toText(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const shown = WORDS[text] ?? text;
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}
