// Above a list: what to look for in it. What is looked for stands in the address of the page, and
// what is secret does not, since browsers remember addresses.
import { effect, signal, useSignal } from "@preact/signals";
import { Field } from "./fields.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { go, link } from "./route.js";
import { key } from "./session.js";

const secrets = signal({});
effect(() => {
  if (!key.value) secrets.value = {};
});

/** What is looked for in a list: `query`, from the address, and the secrets looked for there. */
export const sought = (path, query) => ({ ...query, ...secrets.value[path] });

/**
 * `fields` are `{name, label, type, secret, options}`; `options`, `[value, text]`, make a select of
 * one. `check(typed)` gives what is wrong, by name.
 */
export function Find({ path, fields, query, check = () => ({}) }) {
  const wrong = useSignal({});
  const now = sought(path, query);
  const typed = useSignal(now);
  const last = useSignal(now);
  if (JSON.stringify(last.value) !== JSON.stringify(now)) typed.value = last.value = now;
  const named = (wanted) =>
    Object.fromEntries(
      fields
        .filter(({ secret = false }) => secret === wanted)
        .map(({ name }) => [name, (typed.value[name] ?? "").trim()])
        .filter(([, value]) => value),
    );
  const find = (event) => {
    event.preventDefault();
    const inputs = event.currentTarget.elements;
    wrong.value = { ...check({ ...named(true), ...named(false) }), ...unfit(fields, inputs) };
    const first = fields.find(({ name }) => wrong.value[name]);
    if (first) return inputs[first.name].focus();
    secrets.value = { ...secrets.value, [path]: named(true) };
    go(path, named(false));
  };
  const forget = () => {
    wrong.value = {};
    secrets.value = { ...secrets.value, [path]: {} };
  };
  return html`<form class="filters" aria-label="Find" onSubmit=${find} novalidate>
    ${fields.map(
      ({ name, options, secret: _, ...rest }) => html`<${Field} key=${name} ...${rest} name=${name}
        as=${options ? "select" : "input"} value=${typed.value[name] ?? ""} autocomplete="off"
        error=${wrong.value[name]} onInput=${(value) => (typed.value = { ...typed.value, [name]: value })}>
        ${options?.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      <//>`,
    )}
    <div class="go">
      <button type="submit" class="plain"><${Icon} name="search" />Find</button>
      ${
        fields.some(({ name }) => now[name]) &&
        html`<a role="button" class="plain" href=${link(path)} onClick=${forget}>Clear</a>`
      }
    </div>
  </form>`;
}

/** What can't be looked for: part of an e-mail, which the API finds by the whole, or of a date. */
function unfit(fields, inputs) {
  const found = {};
  for (const { name, type } of fields) {
    const { value, validity } = inputs[name];
    if (type === "email" && value.trim() && !/^[^@\s]+@[^@\s]+$/.test(value.trim()))
      found[name] = "Enter the complete email address";
    if (type === "date" && (validity.badInput || value.length > 10))
      found[name] = "Enter a complete date";
  }
  return found;
}
