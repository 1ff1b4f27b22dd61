// The terms of a license in a form: each may be left open, and then says what holds instead.
import { Choice, Input } from "./form.js";
import { html } from "./html.js";
import { groupsFor, inWords } from "./terms.js";

/**
 * `under` is where the terms stand in the form, such as `items.0.terms`; `open` tells what a term
 * is if it is left open, or nothing; `otherwise` says in words who has the say then.
 */
export function TermFields({ form, under, type, open, otherwise }) {
  const fields = groupsFor(type || "consumption").map(
    ({ title, terms }) => html`<fieldset key=${title}>
      <legend>${title}</legend>
      <div class="columns">
        ${terms.map((term) => html`<${Term} key=${term.name} form=${form} term=${term}
          name=${under ? `${under}.${term.name}` : term.name} value=${open(term.name)} otherwise=${otherwise} />`)}
      </div>
    </fieldset>`,
  );
  return html`<div class="terms">${fields}</div>`;
}

function Term({ form, term, name, value, otherwise }) {
  const left = value == null ? otherwise : `${inWords(term, value)} (${otherwise})`;
  const common = { form, name, label: term.label, hint: term.hint };
  if (term.kind === "flag")
    return html`<${Choice} ...${common} options=${[["", left], ["yes", "Yes"], ["no", "No"]]} />`;
  if (term.kind === "choice")
    return html`<${Choice} ...${common} options=${[["", left], ...Object.entries(term.choices)]} />`;
  return html`<${Input} ...${common} placeholder=${left} autocomplete="off"
    inputmode=${term.kind === "count" ? "numeric" : undefined} />`;
}
