// Building blocks of pages: heading, notice, table, badge, pager, and loading and empty states.

/** @import { Signal } from "@preact/signals" */
/** @import { Failure, Loadable } from "../api/types.ts" */
/** @import { Children, Column, Link, NoticeKind, Option, PageQuery, Tone } from "./types.ts" */
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { formatCount, formatNumber } from "./formats.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { link, route } from "./route.js";

const announcement = signal("");
/**
 * Notifications shown on every page until they are dismissed.
 *
 * @type {Signal<{ kind: NoticeKind, title: string, href: string }[]>}
 */
export const notices = signal([]);
/** The number of imports that have not ended. */
export const runningImports = signal(0);
/** @type {string | null} */
let focusedPath = route.peek().path;

/**
 * Have screen readers read a text aloud.
 *
 * @type {(text: string) => void}
 */
export function announce(text) {
  announcement.value = text;
}

export const LiveRegion = () =>
  html`<p class="visually-hidden" role="status" aria-live="polite">${announcement}</p>`;

/** Focus the heading of the next page that is rendered, even if its address is the same. */
export function focusNextPage() {
  focusedPath = null;
}

/**
 * A page with its heading, which gets the focus when the user navigates to it.
 *
 * @param {{
 *   title: Children,
 *   tab?: Children,
 *   lead?: Children,
 *   back?: Link,
 *   actions?: Children,
 *   children: Children,
 * }} props
 */
export function Page({ title, tab = title, lead, back, actions, children }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    document.title = `${tab} · Keywright`;
  }, [tab]);
  useEffect(() => {
    const path = route.peek().path;
    if (focusedPath !== path) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    focusedPath = path;
  }, [route.value.path]);
  return html`
    <header class="page">
      <div>
        ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.text}</a>`}
        <h1 tabindex="-1" ref=${heading}>${title}</h1>
        ${lead && html`<p>${lead}</p>`}
      </div>
      <div class="actions">${actions}</div>
    </header>
    ${children}
  `;
}

/**
 * `kind` is error, warning, success or info; `problem` is an error of the API.
 *
 * @param {{
 *   kind?: NoticeKind,
 *   title?: string,
 *   problem?: Failure,
 *   onRetry?: () => unknown,
 *   children?: Children,
 * }} props
 */
export function Notice({ kind = "info", title, problem, onRetry, children }) {
  const icon = { error: "error", warning: "warning", success: "done", info: "info" }[kind];
  const role = kind === "error" ? "alert" : undefined;
  return html`<section class="notice" data-kind=${kind} role=${role}>
    <${Icon} name=${icon} />
    <div>
      <strong>${title ?? problem?.title}</strong>
      ${problem && html`<p>${problem.detail ?? problem.message}</p>`} ${children}
      ${problem?.requestId && html`<p class="soft">Request ID: ${problem.requestId}</p>`}
      ${onRetry && html`<button type="button" class="plain" onClick=${onRetry}>Try again</button>`}
    </div>
  </section>`;
}

/**
 * An empty state: `children` say what to do next.
 *
 * @param {{ icon: string, title: string, children: Children }} props
 */
export function Empty({ icon, title, children }) {
  return html`<section class="empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    ${children}
  </section>`;
}

/**
 * A placeholder; `rows` sets its height, so that nothing moves when the content arrives.
 *
 * @param {{ rows?: number, text?: string }} props
 */
export function Loading({ rows = 5, text = "Loading" }) {
  return html`<div class="loading" role="status">
    <span class="visually-hidden">${text}…</span>
    ${Array.from({ length: rows }, () => html`<i></i>`)}
  </div>`;
}

/**
 * Render the states of `useLoad`; `children` is a function of the value.
 *
 * @template T
 * @param {{ from: Loadable<T>, rows?: number, children: (value: T) => unknown }} props
 */
export function Loaded({ from, rows, children }) {
  if (from.value === null && from.error)
    return html`<${Notice} kind="error" problem=${from.error} onRetry=${from.reload} />`;
  if (from.value === null) return html`<${Loading} rows=${rows} />`;
  return html`${
    from.error &&
    html`<${Notice} kind="warning" title="Couldn’t refresh – showing earlier results" problem=${from.error}
    onRetry=${from.reload} />`
  }
  ${children(from.value)}`;
}

/** @typedef {{ count: number, next: string | null, results: unknown[] }} ListPage */

/** @type {Record<Tone, string>} */
const TONE_ICONS = {
  good: "done",
  bad: "error",
  warn: "warning",
  busy: "running",
  wait: "clock",
  off: "stopped",
};

/**
 * A status word with an icon: `tone` is good, bad, warn, busy, wait or off.
 *
 * @param {{ tone: Tone, children: Children }} props
 */
export function Badge({ tone, children }) {
  return html`<span class="badge" data-tone=${tone}><${Icon} name=${TONE_ICONS[tone]} />${children}</span>`;
}

/**
 * `columns` are `{head, cell: (row) => …, kind, wide}`. Tables narrower than 640 pixels hide `wide`
 * columns, and on phones those of kind "mid". The other kinds are "number", "code", "long" (a larger
 * minimum width) and "line" (truncated instead of wrapped). The first column is the row header.
 * `selection` adds a checkbox to each row, and one for all rows. A click anywhere on a row opens
 * `to(row)`, which its first column must also link to, for the keyboard.
 *
 * @template {object} Row
 * @param {{
 *   caption: string,
 *   columns: Column<Row>[],
 *   rows: Row[],
 *   busy?: boolean,
 *   selection?: Selection<Row>,
 *   to?: (row: Row) => string,
 * }} props
 */
export function Table({ caption, columns, rows, busy, selection, to }) {
  /** @type {(column: Column<Row>) => string} */
  const className = ({ kind, wide }) => [kind, wide && "wide"].filter(Boolean).join(" ");
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0">
    <table aria-busy=${busy ? "true" : undefined}>
      <caption class="visually-hidden">${caption}</caption>
      <thead>
        <tr>${selection && html`<td class="select"><${SelectAll} ...${selection} rows=${rows} /></td>`}
          ${columns.map((column) => html`<th scope="col" class=${className(column)}>${column.head}</th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, at) => html`<tr key=${"id" in row ? row.id : at} data-opens=${to ? "" : undefined}
            onClick=${to && ((/** @type {MouseEvent} */ event) => openRow(event, to(row)))}
            onAuxClick=${to && ((/** @type {MouseEvent} */ event) => openRow(event, to(row)))}>
            ${
              selection &&
              html`<td class="select"><input type="checkbox" checked=${selection.selected.has(row)}
                aria-label="Select ${selection.label(row)}"
                onChange=${() => selection.onChange(toggle(selection.selected, row))} /></td>`
            }
            ${columns.map((column, n) =>
              n === 0
                ? html`<th scope="row" class=${className(column)}>${column.cell(row)}</th>`
                : html`<td class=${className(column)}>${column.cell(row)}</td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/**
 * Open a record in this tab, or in a new one as links do. A click on a control, or one that ends a
 * selection of text, is not for the row.
 *
 * @type {(event: MouseEvent, address: string) => void}
 */
function openRow(event, address) {
  const { target, button } = event;
  if (button > 1 || event.defaultPrevented || !(target instanceof Element)) return;
  if (target.closest("a, button, input, label, summary, .select")) return;
  if (button === 0 && getSelection()?.toString()) return;
  if (button === 1 || event.ctrlKey || event.metaKey || event.shiftKey)
    open(address, "_blank", "noopener");
  else location.hash = address;
}

/**
 * @template Row
 * @typedef {{
 *   selected: Set<Row>,
 *   onChange: (selected: Set<Row>) => void,
 *   label: (row: Row) => string,
 *   all: string,
 * }} Selection
 */

/** @type {<Row>(selected: Set<Row>, row: Row) => Set<Row>} */
const toggle = (selected, row) =>
  selected.has(row)
    ? new Set([...selected].filter((each) => each !== row))
    : new Set([...selected, row]);

/**
 * @template Row
 * @param {Selection<Row> & { rows: Row[] }} props
 */
function SelectAll({ selected, onChange, all, rows }) {
  const whole = rows.length > 0 && rows.every((row) => selected.has(row));
  return html`<input type="checkbox" checked=${whole} indeterminate=${selected.size > 0 && !whole}
    aria-label=${all} onChange=${() => onChange(new Set(whole ? [] : rows))} />`;
}

/**
 * Alternative views of a list: `options` are `[value, text]`, `to` maps a value to its address.
 *
 * @param {{
 *   label: string,
 *   options: Option[],
 *   value?: string,
 *   to: (value: string) => string,
 * }} props
 */
export function Tabs({ label, options, value = "", to }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${options.map(([each, text]) => html`<a href=${to(each)} aria-current=${each === value ? "true" : undefined}>${text}</a>`)}
  </nav>`;
}

/**
 * The position in a list, and links to the next and previous page. `page` is the API's
 * `{count, next, results}`, `nouns` names its records, singular and plural. A page may have fewer
 * records than `limit`. `next` has a cursor, and up to 10,000 records an offset, which is the number
 * of earlier records. Beyond, the only way back is to the first page.
 *
 * @param {{
 *   page: ListPage,
 *   path: string,
 *   query?: PageQuery,
 *   limit: number,
 *   nouns: [one: string, many?: string],
 * }} props
 */
export function Pager({ page, path, query = {}, limit, nouns }) {
  const { offset: start, cursor, ...rest } = query;
  const offset = Number(start ?? 0);
  const last = offset + page.results.length;
  const total = page.count >= 10_000 ? "10,000+" : formatNumber(page.count);
  if (!page.next && !offset && !cursor)
    return html`<p class="pager">${formatCount(last, ...nouns)}</p>`;
  const next = page.next && new URL(page.next).searchParams;
  const nextQuery = next && { offset: next.get("offset"), cursor: next.get("cursor") };
  const beyond = cursor && !offset;
  const backQuery = beyond ? {} : offset > 0 && { offset: Math.max(0, offset - limit) || null };
  /**
   * @param {object | "" | false | null} to
   * @param {Children} text
   */
  const turn = (to, text) => html`<a role="button" class="plain"
    href=${to ? link(path, { ...rest, ...to }) : null}
    aria-disabled=${to ? null : "true"}>${text}</a>`;
  return html`<nav class="pager" aria-label="Pages">
    <span>${beyond ? "After the first 10,000" : `${formatNumber(offset + 1)}–${formatNumber(last)} of ${total}`}</span>
    ${turn(backQuery, html`<${Icon} name="back" />${beyond ? "First" : "Previous"}`)}
    ${turn(nextQuery, html`Next<${Icon} name="next" />`)}
  </nav>`;
}
