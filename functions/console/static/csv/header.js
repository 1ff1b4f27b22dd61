// Match headers to columns, and find similar columns for misspelled ones, like the server does.

/** Letters of the shortest name in which one changed letter is likely a typo. */
const MIN_LENGTH = 5;
const MAX_LENGTH = 200;

/**
 * A header for comparison: without case, white space, `-`, `_` and invisible characters.
 *
 * @type {(name: string, format: string) => string}
 */
export const normalizeHeader = (name, format) =>
  name.toLowerCase().replace(new RegExp(`(?:${format}|[\\s_-])+`, "gu"), "");

/** Columns that failed.csv adds, which are never mapped. */
const REPORT = ["_row", "_codes", "_messages"];

/** Begins the header of a column with the values of one custom field. */
const CUSTOM = "license__custom__";
export const CUSTOM_FIELDS = "license__custom_fields";

/** Whether a column has the values of one custom field. */
export const isCustomField = (/** @type {string} */ name) =>
  name.startsWith(CUSTOM) && name !== CUSTOM;

/** The custom field whose values a column has. */
export const fieldOfColumn = (/** @type {string} */ name) => name.slice(CUSTOM.length);

/**
 * The known column of each header; for an unknown one, the header in lower case. `mapped` are the
 * columns that a mapping gives to headers, or "" for those that it leaves out.
 *
 * @type {(columns: string[], known: string[], format: string, mapped?: Map<string, string>) => string[]}
 */
export function matchColumns(columns, known, format, mapped = new Map()) {
  const names = new Map([
    ...known.map((name) => /** @type {const} */ ([normalizeHeader(name, format), name])),
    ...mapped,
  ]);
  return columns.map((column) => {
    const lower = column.toLowerCase();
    if (REPORT.includes(lower)) return lower;
    const field = column.slice(CUSTOM.length).trim();
    const isField = known.includes(CUSTOM_FIELDS) && lower.startsWith(CUSTOM) && field;
    return names.get(normalizeHeader(column, format)) ?? (isField ? CUSTOM + field : lower);
  });
}

/**
 * The columns of a mapping for headers that are similar to one column only; if several are, the
 * first one has it.
 *
 * @type {(found: { column: string, similar: string[] }[]) => Record<string, string>}
 */
export function suggestColumns(found) {
  /** @type {Map<string, string>} */
  const targets = new Map();
  for (const { column, similar } of found) {
    if (similar.length === 1 && !targets.has(similar[0])) targets.set(similar[0], column);
  }
  return Object.fromEntries([...targets].map(([target, column]) => [column, target]));
}

/** Only letters without accents, and digits, in lower case. */
const foldHeader = (/** @type {string} */ header) =>
  (
    header
      .normalize("NFKD")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).join("");

/** @import { Rules } from "./rules.js" */
/** @typedef {[name: string, forms: string[]]} Forms a column's name, and how it is compared */

/**
 * Unknown headers that are similar to a column that the file lacks, or a synonym of it. `names` are
 * the columns that `matchColumns` found.
 *
 * @param {string[]} columns
 * @param {string[]} names
 * @param {string[]} known
 * @param {Pick<Rules, "format" | "synonyms">} rules
 */
export function findSimilarColumns(columns, names, known, { format, synonyms }) {
  /** @type {Forms[]} */
  const forms = known.map((name) => [
    name,
    [normalizeHeader(name, format), normalizeHeader(withoutPrefix(name), format)],
  ]);
  return columns.flatMap((column, at) => {
    if (!column || !names[at] || column.length > MAX_LENGTH) return [];
    if (known.includes(names[at]) || isCustomField(names[at])) return [];
    const whole = normalizeHeader(column, format);
    const close = findSimilar(column, whole, forms);
    const meant = close.length ? close : findSynonyms(column, known, synonyms);
    const similar = meant.filter((name) => !names.includes(name));
    return similar.length ? [{ column, similar }] : [];
  });
}

/** @type {(column: string, known: string[], synonyms: Record<string, string[]>) => string[]} */
function findSynonyms(column, known, synonyms) {
  const folded = foldHeader(column);
  const meant = Object.keys(synonyms).findLast((name) => synonyms[name].includes(folded));
  return known.filter((name) => withoutPrefix(name) === meant);
}

/** @type {(column: string, whole: string, forms: Forms[]) => string[]} */
function findSimilar(column, whole, forms) {
  const select = (/** @type {(form: string) => boolean} */ test) =>
    forms.filter(([, own]) => own.some(test)).map(([name]) => name);
  const same = select((form) => form === whole);
  if (same.length) return same;
  const typos = select((form) => isTypo(whole, form));
  if (typos.length) return typos;
  const words = column.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").match(/[\p{L}\p{N}]+/gu) ?? [];
  for (const some of [words, words.slice(0, -1), words.slice(1)]) {
    const shorter = some.join("").toLowerCase();
    const found = select((form) => form === shorter);
    if (found.length && shorter.length >= MIN_LENGTH) return found;
  }
  const isPrefixed = column.includes("__");
  const byWord = forms.filter(([name]) => shortForms(name, isPrefixed).includes(whole));
  return byWord.length === 1 || isPrefixed ? byWord.map(([name]) => name) : [];
}

/** A column without its prefix, such as `license__`. */
const withoutPrefix = (/** @type {string} */ name) =>
  name.slice(name.lastIndexOf("__") + 1).replace(/^_/, "");

/**
 * A column's name without its first word, and without its last word, also with its prefix.
 *
 * @type {(name: string, isPrefixed: boolean) => string[]}
 */
function shortForms(name, isPrefixed) {
  const words = withoutPrefix(name).split("_");
  const prefix = name.slice(0, Math.max(0, name.lastIndexOf("__"))).replaceAll("_", "");
  const short = [words.slice(1).join(""), words.slice(0, -1).join("")].filter(Boolean);
  const long = short.filter((form) => form.length >= MIN_LENGTH);
  return [...long, ...(isPrefixed ? short : long).map((form) => prefix + form)];
}

/**
 * Whether the names differ by one inserted, deleted or changed letter, or by two swapped ones.
 *
 * @type {(one: string, other: string) => boolean}
 */
function isTypo(one, other) {
  if (other.length < MIN_LENGTH || Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < Math.min(one.length, other.length) && one[start] === other[start]) start += 1;
  const a = one.slice(start);
  const b = other.slice(start);
  const swapped = a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) || swapped;
}
