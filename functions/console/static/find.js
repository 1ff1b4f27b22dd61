// Above a list: what to look for in it. What is looked for stands in the address of the page.
import { useSignal } from "@preact/signals";
import { Field } from "./fields.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { go, link } from "./route.js";

/** `fields` are `{name, label, type, options}`; `options`, `[value, text]`, make a select of one. */
export function Find({ path, fields, query }) {
  const typed = useSignal(query);
  const last = useSignal(query);
  if (JSON.stringify(last.value) !== JSON.stringify(query)) typed.value = last.value = query;
  const find = (event) => {
    event.preventDefault();
    const named = fields.map(({ name }) => [name, (typed.value[name] ?? "").trim()]);
    go(path, Object.fromEntries(named));
  };
  const isFound = fields.some(({ name }) => query[name]);
  return html`<form class="filters" role="search" onSubmit=${find} novalidate>
    ${fields.map(
      ({ name, options, ...rest }) => html`<${Field} key=${name} ...${rest} name=${name}
        as=${options ? "select" : "input"} value=${typed.value[name] ?? ""} autocomplete="off"
        onInput=${(value) => (typed.value = { ...typed.value, [name]: value })}>
        ${options?.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      <//>`,
    )}
    <div class="go">
      <button type="submit" class="plain"><${Icon} name="search" />Find</button>
      ${isFound && html`<a role="button" class="plain" href=${link(path)}>Clear</a>`}
    </div>
  </form>`;
}
