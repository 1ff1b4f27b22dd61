// The terms of a license as form fields; a blank field shows the value that it inherits.

/** @import { Form } from "../forms/form.js" */
/** @import { Group, Term, TermName } from "./terms.js" */
/** @import { Option } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import { FormField, FormSelect } from "../forms/form.js";
import { html } from "../parts/html.js";
import { Field } from "../parts/fields.js";
import { formatTerm, groupsFor, splitDuration, UNITS } from "./terms.js";

/** The system's `floating_timeout`, in minutes. */
const TIMEOUT = "120";

/**
 * `prefix` is the name of the terms in the form, e.g. `items.0.terms`. `inherited(name)` returns the
 * value that applies if a term is blank, if it is known, and `source` says which record it is from.
 * Without a source, as on a license, terms have no other value than their own.
 *
 * @param {{
 *   form: Form<unknown>,
 *   prefix: string,
 *   type?: string,
 *   method?: string,
 *   inherited?: (name: TermName) => unknown,
 *   source?: string,
 * }} props
 */
export function TermFields({ form, prefix, type, method, inherited, source }) {
  const [first, ...others] = groupsFor(type || "consumption", method);
  /** @param {Group} group */
  const fields = ({ terms }) => html`<div class="columns">
    ${terms.map(
      (term) => html`<${TermField} key=${term.name} form=${form} term=${term}
      name="${prefix}.${term.name}" value=${inherited?.(term.name)} source=${source} />`,
    )}
  </div>`;
  /** Without a source all terms have values; those of the system do not count as set. */
  const unset = new Set(source ? ["", undefined] : ["", undefined, "no", "0", TIMEOUT]);
  /** @type {(group: Group) => number} */
  const countSet = ({ terms }) =>
    terms.filter(({ name }) => !unset.has(form.get(`${prefix}.${name}`))).length;
  return html`<div class="terms">
    ${fields(first)}
    ${others.map(
      (group) => html`<details key=${group.title} open=${countSet(group) > 0}>
      <summary>${group.title}${
        countSet(group) > 0 &&
        html` <span
        class="soft">${countSet(group)} set</span>`
      }</summary>
      ${fields(group)}
    </details>`,
    )}
  </div>`;
}

/**
 * @param {{
 *   form: Form<unknown>,
 *   term: Term,
 *   name: string,
 *   value: unknown,
 *   source?: string,
 * }} props
 */
function TermField({ form, term, name, value, source }) {
  const inherited = value == null ? "" : `${formatTerm(term, value)} (${source})`;
  const common = { form, name, label: term.label, hint: term.hint };
  /** @type {Option} */
  const blank = ["", source ? inherited || `From ${source}` : "None"];
  /** @type {Option[]} */
  const flags = [
    ["yes", "Yes"],
    ["no", "No"],
  ];
  if (term.kind === "flag")
    return html`<${FormSelect} ...${common} options=${source ? [blank, ...flags] : flags} />`;
  if (term.kind === "choice")
    return html`<${FormSelect} ...${common} options=${[blank, ...Object.entries(term.choices ?? {})]} />`;
  if (term.kind === "duration")
    return html`<${Duration} ...${common} units=${term.units} placeholder=${inherited} />`;
  return html`<${FormField} ...${common} placeholder=${inherited} autocomplete="off"
    inputmode=${term.kind === "count" ? "numeric" : undefined} />`;
}

/**
 * A duration by its number and unit, such as `30d`. What is no number is kept as it was typed.
 *
 * @param {{
 *   form: Form<unknown>,
 *   name: string,
 *   label: string,
 *   hint?: string,
 *   units?: string[],
 *   placeholder: string,
 * }} props
 */
function Duration({ form, name, label, hint, units = [], placeholder }) {
  const unit = useSignal(units[0]);
  const [number, own] = splitDuration(form.get(name) ?? "");
  const shown = own || unit.value;
  /** @type {(text: string) => void} */
  const type = (text) => {
    const typed = text.trim();
    if (own) unit.value = own;
    form.set(name, /^\d+$/.test(typed) ? typed + shown : typed);
  };
  /** @type {(chosen: string) => void} */
  const choose = (chosen) => {
    unit.value = chosen;
    if (number && own) form.set(name, number + chosen);
  };
  return html`<div class="duration">
    <${Field} label=${label} hint=${hint} data-field=${name} value=${number} placeholder=${placeholder}
      error=${form.errorOf(name)} autocomplete="off" inputmode="numeric" onInput=${type} />
    <${Field} as="select" label=${html`<span class="visually-hidden">${label}: </span>Unit`}
      value=${shown} onInput=${choose}>
      ${units.map((each) => html`<option key=${each} value=${each}>${UNITS[each]}s</option>`)}
    <//>
  </div>`;
}
