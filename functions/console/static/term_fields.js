// The terms of a license in a form: each may be left open, and then says what holds instead.
import { Choice, Input } from "./form.js";
import { html } from "./html.js";
import { groupsFor, inWords } from "./terms.js";

/**
 * `under` is where the terms stand in the form, such as `items.0.terms`; `open(name)` is what a term
 * will be if it is left open, if that is known, and `by` who has the say then.
 */
export function TermFields({ form, under, type, method, open, by }) {
  const [first, ...others] = groupsFor(type || "consumption", method);
  const fields = ({ terms }) => html`<div class="columns">
    ${terms.map(
      (term) => html`<${Term} key=${term.name} form=${form} term=${term}
      name="${under}.${term.name}" value=${open(term.name)} by=${by} />`,
    )}
  </div>`;
  const said = ({ terms }) => terms.filter(({ name }) => form.at(`${under}.${name}`)).length;
  return html`<div class="terms">
    ${fields(first)}
    ${others.map(
      (group) => html`<details key=${group.title} open=${said(group) > 0}>
      <summary>${group.title}${said(group) > 0 && html` <span
        class="soft">${said(group)} set</span>`}</summary>
      ${fields(group)}
    </details>`,
    )}
  </div>`;
}

function Term({ form, term, name, value, by }) {
  const left = value == null ? "" : `${inWords(term, value)} (${by})`;
  const common = { form, name, label: term.label, hint: term.hint };
  const leave = ["", left || `As the ${by} says`];
  if (term.kind === "flag")
    return html`<${Choice} ...${common} options=${[leave, ["yes", "Yes"], ["no", "No"]]} />`;
  if (term.kind === "choice")
    return html`<${Choice} ...${common} options=${[leave, ...Object.entries(term.choices)]} />`;
  return html`<${Input} ...${common} placeholder=${left} autocomplete="off"
    inputmode=${term.kind === "count" ? "numeric" : undefined} />`;
}
