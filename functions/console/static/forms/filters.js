// The filters above a list. They are part of the page's address, except secrets, because browsers keep
// addresses in their history.

/** @import { Signal } from "@preact/signals" */
/** @import { Option, PageQuery } from "../parts/types.ts" */
import { effect, signal, useSignal } from "@preact/signals";
import { Field } from "../parts/fields.js";
import { html } from "../parts/html.js";
import { Icon } from "../parts/icons.js";
import { go, link } from "../parts/route.js";
import { key } from "../api/session.js";

/**
 * @template {string} [Name=string]
 * @typedef {object} FilterField
 * @property {Name} name
 * @property {string} label
 * @property {string} [type]
 * @property {boolean} [secret]
 * @property {Option[]} [options]
 * @property {boolean} [spellcheck]
 * @property {string} [inputmode]
 * @property {boolean} [more] shown below the others, on request
 */

/** @typedef {Record<string, HTMLInputElement>} Inputs */

/** @type {Signal<Record<string, PageQuery>>} */
const secrets = signal({});
effect(() => {
  if (!key.value) secrets.value = {};
});

/**
 * The filters of a list: `query` from the address, and secrets.
 *
 * @type {(path: string, query: PageQuery) => PageQuery}
 */
export const activeFilters = (path, query) => ({ ...query, ...secrets.value[path] });

/**
 * `fields` are `{name, label, type, secret, options}`; `options`, `[value, text]`, make a field a
 * select. `action` is the text of the button. `check(values)` returns errors by name.
 *
 * @param {{
 *   path: string,
 *   fields: FilterField[],
 *   query: PageQuery,
 *   action: string,
 *   check?: (values: PageQuery) => PageQuery,
 * }} props
 */
export function Filters({ path, fields, query, action, check }) {
  const errors = useSignal(/** @type {PageQuery} */ ({}));
  const active = activeFilters(path, query);
  const values = useSignal(active);
  const last = useSignal(active);
  if (JSON.stringify(last.value) !== JSON.stringify(active)) values.value = last.value = active;
  /** @type {(secret: boolean) => PageQuery} */
  const collect = (wanted) =>
    Object.fromEntries(
      fields
        .filter(({ secret = false }) => secret === wanted)
        .map(({ name }) => [name, (values.value[name] ?? "").trim()])
        .filter(([, value]) => value),
    );
  const change = (/** @type {string} */ name) => (/** @type {string} */ value) => {
    values.value = { ...values.value, [name]: value };
  };
  /** @param {Event & { currentTarget: HTMLFormElement }} event */
  const search = (event) => {
    event.preventDefault();
    const inputs = /** @type {Inputs} */ (/** @type {unknown} */ (event.currentTarget.elements));
    errors.value = {
      ...check?.({ ...collect(true), ...collect(false) }),
      ...findIncomplete(fields, inputs),
    };
    const first = fields.find(({ name }) => errors.value[name]);
    if (first) {
      inputs[first.name].closest("details")?.setAttribute("open", "");
      return inputs[first.name].focus();
    }
    secrets.value = { ...secrets.value, [path]: collect(true) };
    go(path, collect(false));
  };
  const clear = () => {
    errors.value = {};
    secrets.value = { ...secrets.value, [path]: {} };
  };
  const field = (/** @type {FilterField} */ { name, options, secret: _, more: __, ...rest }) =>
    html`<${Field} key=${name} ...${rest} name=${name} as=${options ? "select" : "input"}
      value=${values.value[name] ?? ""} autocomplete="off" error=${errors.value[name]}
      onInput=${change(name)}>
      ${options?.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
    <//>`;
  const more = fields.filter((each) => each.more);
  return html`<form class="filters" aria-label="Filters" onSubmit=${search} novalidate>
    ${fields.filter((each) => !each.more).map(field)}
    <div class="go">
      <button type="submit" class="plain"><${Icon} name="search" />${action}</button>
      ${
        fields.some(({ name }) => active[name]) &&
        html`<a role="button" class="plain" href=${link(path)} onClick=${clear}>Clear filters</a>`
      }
    </div>
    ${
      more.length > 0 &&
      html`<details class="more" open=${more.some(({ name }) => active[name])}>
        <summary>More filters</summary><div>${more.map(field)}</div>
      </details>`
    }
  </form>`;
}

/**
 * The filters that all lists have. `sorted` is the text of the order by default.
 *
 * @type {FilterField<"from" | "to" | "source" | "import_id" | "order_by">[]}
 */
export const RECORD_FILTERS = [
  { name: "from", label: "From (UTC)", type: "date", more: true },
  { name: "to", label: "To (UTC)", type: "date", more: true },
  {
    name: "source",
    label: "Source",
    more: true,
    options: [
      ["", "All"],
      ["order", "Orders and API"],
      ["import", "Imports"],
    ],
  },
  { name: "import_id", label: "Import number", inputmode: "numeric", more: true },
  {
    name: "order_by",
    label: "Sort",
    more: true,
    options: [
      ["", "Newest first"],
      ["created_at", "Oldest first"],
    ],
  },
];

const DAY = 86_400_000;
/**
 * The day that is some days after one.
 *
 * @type {(day: string | number, days: number) => string}
 */
export const addDays = (day, days) =>
  new Date(new Date(day).getTime() + days * DAY).toISOString().slice(0, 10);

/**
 * Replace the days of a query by the API's half-open range of times.
 *
 * @type {(query: PageQuery) => PageQuery}
 */
export const toApiQuery = ({ from, to, ...query }) => ({
  ...query,
  created_at__gte: from,
  created_at__lt: to && addDays(to, 1),
});

/**
 * Errors of filters that no list has together: `together` are, by name, those that a filter can be
 * combined with.
 *
 * @type {(values: PageQuery, together: Record<string, string[]>) => PageQuery}
 */
export function checkFilters(values, together) {
  const sent = Object.keys(values).filter((name) => values[name]);
  /** @type {PageQuery} */
  const errors = {};
  for (const [name, others] of Object.entries(together))
    if (values[name] && sent.some((each) => each !== name && !others.includes(each)))
      errors[name] = others.length ? "Clear the other filters" : "Clear all other filters";
  if (values.from && values.to && values.from > values.to)
    errors.from = "From must not be later than To";
  if (values.import_id && !/^[1-9]\d{0,15}$/.test(values.import_id))
    errors.import_id = "Enter the number of an import";
  return errors;
}

/**
 * Errors of incomplete emails, which the API finds by exact match only, and incomplete dates.
 *
 * @type {(fields: FilterField[], inputs: Inputs) => PageQuery}
 */
function findIncomplete(fields, inputs) {
  /** @type {PageQuery} */
  const errors = {};
  for (const { name, type } of fields) {
    const { value, validity } = inputs[name];
    if (type === "email" && value.trim() && !/^[^@\s]+@[^@\s]+$/.test(value.trim()))
      errors[name] = "Enter the complete email address";
    if (type === "date" && (validity.badInput || value.length > 10))
      errors[name] = "Enter a complete date";
  }
  return errors;
}
