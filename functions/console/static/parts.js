// What pages are made of: heading, notice, table, status, and the states of waiting.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { link, route } from "./route.js";

const spoken = signal("");
/** Shown over every page until they are closed: `{kind, title, href}`. */
export const notices = signal([]);
let focused = route.peek().path;

/** Tells those who do not see the page; the last words are what is read. */
export function say(text) {
  spoken.value = text;
}

export const LiveRegion = () =>
  html`<p class="unseen" role="status" aria-live="polite">${spoken}</p>`;

/** The next page that is shown gets the focus, although its address may be the same. */
export function arrive() {
  focused = null;
}

/** A page under its heading, which gets the focus when one has come here from another page. */
export function Page({ title, tab = title, lead, back, actions, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${tab} · Keywright`;
  }, [tab]);
  useEffect(() => {
    const path = route.peek().path;
    if (focused !== path) {
      heading.current.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    focused = path;
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

/** `kind` is error, warning, success or info; `problem` fills in what the API said. */
export function Notice({ kind = "info", title, problem, again, children }) {
  const icon = { error: "error", warning: "warning", success: "done", info: "info" }[kind];
  const role = kind === "error" ? "alert" : undefined;
  return html`<section class="notice" data-kind=${kind} role=${role}>
    <${Icon} name=${icon} />
    <div>
      <strong>${title ?? problem?.title}</strong>
      ${problem && html`<p>${problem.detail ?? problem.message}</p>`} ${children}
      ${problem?.requestId && html`<p class="soft">Request ${problem.requestId}</p>`}
      ${again && html`<button type="button" class="plain" onClick=${again}>Try again</button>`}
    </div>
  </section>`;
}

/** Nothing is there, and what to do next. */
export function Empty({ icon, title, children }) {
  return html`<section class="empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    ${children}
  </section>`;
}

/** As high as what will come. */
export function Loading({ rows = 5, text = "Loading" }) {
  return html`<div class="loading" role="status">
    <span class="unseen">${text}…</span>
    ${Array.from({ length: rows }, () => html`<i></i>`)}
  </div>`;
}

/** The states of `useLoad`; `children` is a function of the value. */
export function Loaded({ from, rows, children }) {
  if (from.value === null && from.error)
    return html`<${Notice} kind="error" problem=${from.error} again=${from.reload} />`;
  if (from.value === null) return html`<${Loading} rows=${rows} />`;
  return html`${from.error &&
  html`<${Notice} kind="warning" title="Couldn’t refresh – showing earlier results" problem=${from.error}
    again=${from.reload} />`}
  ${children(from.value)}`;
}

const TONES = {
  good: "done",
  bad: "error",
  warn: "warning",
  busy: "running",
  wait: "clock",
  off: "stopped",
};

/** A state in a word with an icon: `tone` is good, bad, warn, busy, wait or off. */
export function Badge({ tone, children }) {
  return html`<span class="badge" data-tone=${tone}><${Icon} name=${TONES[tone]} />${children}</span>`;
}

/**
 * `columns` are `{head, cell: (row) => …, kind, wide: true}`: those that are `wide` are left out
 * where there is less room than 640 pixels, those of kind "mid" on a phone; the other kinds are
 * "number", "code", "long", which has more room, and "line", which is cut rather than broken. The
 * first column heads its row.
 */
export function Table({ caption, columns, rows, busy }) {
  const className = ({ kind, wide }) => [kind, wide && "wide"].filter(Boolean).join(" ");
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0">
    <table aria-busy=${busy ? "true" : undefined}>
      <caption class="unseen">${caption}</caption>
      <thead>
        <tr>${columns.map((column) => html`<th scope="col" class=${className(column)}>${column.head}</th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, at) => html`<tr key=${row.id ?? at}>
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

/** One of a few ways to see a list: `options` are `[value, text]`, `to` gives the address of a value. */
export function Tabs({ label, options, value = "", to }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${options.map(([each, text]) => html`<a href=${to(each)} aria-current=${each === value ? "true" : undefined}>${text}</a>`)}
  </nav>`;
}

/**
 * Below a list: where one is in it, and the way on. `page` is the API's `{count, next, results}`: it
 * says by a cursor where the next page begins, and up to 10,000 by an offset how many records came
 * before. Beyond, there is no way back but to the first page.
 */
export function Pager({ page, path, query = {}, limit }) {
  const { offset: start = 0, cursor, ...rest } = query;
  const offset = Number(start);
  const last = offset + page.results.length;
  const count = page.count >= 10_000 ? "more than 10,000" : number(page.count);
  if (!page.next && !offset && !cursor) return html`<p class="pager">${number(last)} in all</p>`;
  const next = page.next && new URL(page.next).searchParams;
  const onward = next && { offset: next.get("offset"), cursor: next.get("cursor") };
  const lost = cursor && !offset;
  const back = lost ? {} : offset > 0 && { offset: Math.max(0, offset - limit) || null };
  const turn = (to, text) => html`<a role="button" class="plain"
    href=${to ? link(path, { ...rest, ...to }) : null}
    aria-disabled=${to ? null : "true"}>${text}</a>`;
  return html`<nav class="pager" aria-label="Pages">
    <span>${lost ? "Beyond" : `${number(offset + 1)}–${number(last)} of`} ${count}</span>
    ${turn(back, html`<${Icon} name="back" />${lost ? "First" : "Previous"}`)}
    ${turn(onward, html`Next<${Icon} name="next" />`)}
  </nav>`;
}

const NUMBER = new Intl.NumberFormat("en-US");
const UTC = { dateStyle: "medium", timeZone: "UTC" };
const DAY = new Intl.DateTimeFormat("en-GB", UTC);
const MOMENT = new Intl.DateTimeFormat("en-GB", { ...UTC, timeStyle: "short" });
const LOCAL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

export const number = (value) => (value == null ? "–" : NUMBER.format(value));

/** `3 licenses`, `1 license`. */
export const count = (value, one, many = `${one}s`) =>
  `${number(value)} ${value === 1 ? one : many}`;

/** `2026-03-01` as `1 Mar 2026`. */
export const day = (text) => DAY.format(new Date(text));

/** A moment in UTC, as the filters of lists take it, or a day if `text` is one. */
export function when(text) {
  if (!text) return "–";
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return html`<time datetime=${text}>${day(text)}</time>`;
  const moment = new Date(text);
  return html`<time datetime=${text}
    title=${LOCAL.format(moment)}>${MOMENT.format(moment)} UTC</time>`;
}

/** Bytes in words. */
export function size(bytes) {
  if (bytes == null) return "–";
  const unit = bytes < 1e3 ? 0 : bytes < 1e6 ? 1 : bytes < 1e9 ? 2 : 3;
  return `${(bytes / 1000 ** unit).toFixed(unit && bytes / 1000 ** unit < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB"][unit]}`;
}
