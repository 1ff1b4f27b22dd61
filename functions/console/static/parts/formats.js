// Format numbers, dates and file sizes.
import { html } from "./html.js";

const NUMBER = new Intl.NumberFormat("en-US");
/** @type {Intl.DateTimeFormatOptions} */
const UTC = { dateStyle: "medium", timeZone: "UTC" };
const DAY = new Intl.DateTimeFormat("en-GB", UTC);
const TIME = new Intl.DateTimeFormat("en-GB", { ...UTC, timeStyle: "short" });
const LOCAL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

/** @type {(value: number | null | undefined) => string} */
export const formatNumber = (value) => (value == null ? "–" : NUMBER.format(value));

/**
 * `3 licenses`, `1 license`.
 *
 * @type {(value: number, one: string, many?: string) => string}
 */
export const formatCount = (value, one, many = `${one}s`) =>
  `${formatNumber(value)} ${value === 1 ? one : many}`;

/**
 * `2026-03-01` as `1 Mar 2026`.
 *
 * @type {(text: string) => string}
 */
export const formatDay = (text) => DAY.format(new Date(text));

/**
 * A time in UTC, like the filters of lists, with the local time as a tooltip; or a date.
 *
 * @param {string | null | undefined} text
 */
export function formatTime(text) {
  if (!text) return "–";
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return html`<time datetime=${text}>${formatDay(text)}</time>`;
  const time = new Date(text);
  return html`<time datetime=${text}
    title=${LOCAL.format(time)}>${TIME.format(time)} UTC</time>`;
}

/** @type {(bytes: number | null) => string} */
export function formatSize(bytes) {
  if (bytes == null) return "–";
  const unit = bytes < 1e3 ? 0 : bytes < 1e6 ? 1 : bytes < 1e9 ? 2 : 3;
  return `${(bytes / 1000 ** unit).toFixed(unit && bytes / 1000 ** unit < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB"][unit]}`;
}
