// The terms of a license as form fields; a blank field shows the value that it inherits.

/** @import { Form } from "../forms/form.js" */
/** @import { Group, Term, TermName } from "./terms.js" */
/** @import { Option } from "../parts/types.ts" */
import { FormField, FormSelect } from "../forms/form.js";
import { html } from "../parts/html.js";
import { formatTerm, groupsFor } from "./terms.js";

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
  return html`<${FormField} ...${common} placeholder=${inherited} autocomplete="off"
    inputmode=${term.kind === "count" ? "numeric" : undefined} />`;
}
