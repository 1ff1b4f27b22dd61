// Validate cells by rules.json, which the build generates from the server's row models.
//
// The browser rejects no cell that the server accepts. Rules that need the catalog are left to the
// server.
import { compileDay } from "./day_order.js";

/** @import { DateFaults, Dates } from "./day_order.js" */
/** @import { Mapping } from "./mapping.js" */
/**
 * A step of the check of a cell, in rules.json. The keys are those of `shared/browser_rule.py`.
 *
 * @typedef {object} Step
 * @property {string} code
 * @property {string} message
 * @property {string} [match] pattern
 * @property {number} [most]
 * @property {boolean} [trim]
 * @property {boolean} [lower]
 * @property {boolean} [sound] whether damage by spreadsheets is a fault
 * @property {string} [unset] pattern of values that stand for no value
 * @property {Record<string, string>} [words] what the browser compares instead of each spelling
 * @property {boolean} [domain] whether the value ends in a domain, which has several spellings
 * @property {"object" | "list"} [json]
 * @property {string} [fold] pattern that is replaced by a space
 * @property {string} [without] pattern that must not match
 * @property {boolean} [visible]
 * @property {boolean} [ends] whether to strip invisible characters
 * @property {number} [bytes] maximum length in UTF-8
 * @property {number} [longest] maximum length in characters
 * @property {number} [entry] maximum length of each text that `;` separates, except in a JSON list
 * @property {string[]} [choices]
 * @property {Record<string, string>} [instead] values by synonym
 * @property {boolean} [calendar]
 * @property {string} [cut] pattern of an end to remove
 * @property {DateFaults} [dates] the messages of a date that does not begin with its year
 */

/**
 * @typedef {object} Limits
 * @property {number} columns
 * @property {number} header in bytes
 * @property {number} field in bytes
 */

/**
 * @template C
 * @typedef {object} RulesOfKind
 * @property {string[]} required
 * @property {Record<string, C[]>} columns
 * @property {{ columns: string[], what: string }[]} identity columns that identify a record
 * @property {string[]} literal columns without defaults
 * @property {Record<string, string>} uncompared
 * @property {Record<string, string>} aliases columns by their other names
 */

/**
 * @template C
 * @typedef {object} RulesOf
 * @property {Record<string, RulesOfKind<C>>} kinds
 * @property {string[]} delimiters
 * @property {string[]} report columns of a report of failed rows
 * @property {Limits} most
 * @property {[source: string, flags: number, type: string][]} magic
 * @property {string} format pattern of an invisible character
 * @property {Record<string, string[]>} synonyms folded headers by column without its prefix
 * @property {string} maybe_damaged
 * @property {[source: string, name: string][]} damage
 */
/** @typedef {"require" | "generate"} Keys whether a license without a key is an error, or gets one */
/** @typedef {{ written_dates: string }} DatePattern pattern of a date with its year last */

/** @typedef {RulesOf<Step> & DatePattern} RulesFile rules.json */
/** @typedef {{ code: string, message: string }} Invalid */
/** @typedef {(value: string, dates: Dates) => string | Invalid | null} Check null if unset */
/** @typedef {{ column: string, code: string, message: string, value: string | null }} CellFault */

/**
 * The compiled rules of a kind of file.
 *
 * @typedef {RulesOfKind<Check> & {
 *   format: string,
 *   unseen: RegExp,
 *   lateQuote: RegExp,
 *   days: Set<string>,
 *   dates: Dates,
 *   mapping: Mapping,
 *   keys: Keys,
 * }} Kind `days` are the columns of dates, and `dates` is how the file writes them
 */

/**
 * @typedef {Omit<RulesFile, "kinds" | "written_dates"> & {
 *   kinds: Record<string, Kind>,
 *   written_dates: RegExp,
 * }} Rules
 */

/** @type {Promise<Rules> | null} */
let loaded = null;

/** The compiled rules of all kinds, loaded once. */
export function loadRules() {
  loaded ??= fetch(new URL("rules.json", import.meta.url), { signal: AbortSignal.timeout(31_000) })
    .then((response) => response.json())
    .then(compileRules)
    .catch((error) => {
      loaded = null;
      throw error;
    });
  return loaded;
}

/**
 * Replace each step of a column by a function, see `compileStep`.
 *
 * @param {RulesFile} rules
 * @returns {Rules}
 */
export function compileRules(rules) {
  const maybe = new RegExp(`^(?:${rules.maybe_damaged})`);
  const damage = rules.damage.map(([source, name]) => ({
    at: new RegExp(`^(?:${source})$`),
    name,
  }));
  /** @type {FindDamage} */
  const findDamage = (value) =>
    maybe.test(value) ? damage.find(({ at }) => at.test(value.trim()))?.name : undefined;
  const unseen = new RegExp(`^(?:${rules.format}|\\s)*$`, "u");
  const lateQuote = new RegExp(`^(?:${rules.format}|\\s)+"`, "u");
  const written = new RegExp(`^(?:${rules.written_dates})$`);
  const compile = (/** @type {Step} */ step) =>
    step.dates ? compileDay(written, step.dates) : compileStep(step, findDamage, rules.format);
  /** @type {(columns: Record<string, Step[]>) => Record<string, Check[]>} */
  const compileColumns = (columns) =>
    Object.fromEntries(Object.entries(columns).map(([name, steps]) => [name, steps.map(compile)]));
  const listDays = (/** @type {Record<string, Step[]>} */ columns) =>
    new Set(Object.keys(columns).filter((name) => columns[name].some(({ dates }) => dates)));
  const kinds = Object.entries(rules.kinds).map(([name, kind]) => [
    name,
    {
      ...{ ...kind, columns: compileColumns(kind.columns), days: listDays(kind.columns) },
      ...{ format: rules.format, unseen, lateQuote, dates: "iso" },
      ...{ mapping: { columns: {}, constants: {}, values: {} }, keys: "require" },
    },
  ]);
  return { ...rules, written_dates: written, kinds: Object.fromEntries(kinds) };
}

/** @typedef {(value: string) => string | undefined} FindDamage the name of a spreadsheet's damage */

/**
 * The faults of a row; `cells` are by column.
 *
 * @param {Record<string, string>} cells
 * @param {Kind} kind
 */
export function validateRow(cells, kind) {
  const faults = [];
  for (const column of kind.required) {
    const isNamed = column === KEY && !isUnseen(cells[USERS], kind);
    if (isUnseen(cells[column], kind) && !isNamed && !mayBeBlank(column, kind))
      faults.push(createRequiredFault(column));
  }
  for (const column of Object.keys(cells)) {
    const fault = validateCell(column, cells[column], kind);
    if (fault) faults.push(fault);
  }
  const isRead = !faults.some(({ column }) => [KEY, QUANTITY, USERS].includes(column));
  return isRead ? [...faults, ...checkQuantity(cells, kind)] : faults;
}

const KEY = "license__license_key";
const QUANTITY = "license__quantity";
const USERS = "license__users";

/**
 * A row with a key or with users is one license.
 *
 * @type {(cells: Record<string, string>, kind: Kind) => CellFault[]}
 */
function checkQuantity(cells, kind) {
  const isMany = QUANTITY in cells && Number(normalizeCell(QUANTITY, cells[QUANTITY], kind)) > 1;
  const [hasKey, hasUsers] = [KEY, USERS].map((column) => !isUnseen(cells[column], kind));
  if (!isMany || !(hasKey || hasUsers)) return [];
  const code = hasKey ? "quantity_with_key" : "quantity_with_users";
  const message = hasKey
    ? "a row with a license key is one license: leave license__license_key blank in an import that" +
      " generates keys, or the quantity"
    : "a row with users is one license: leave the quantity blank, and enter a row for each license";
  return [{ column: QUANTITY, code, message, value: cells[QUANTITY].slice(0, 200) }];
}

/**
 * Whether the import generates the value of a required column.
 *
 * @type {(column: string, kind: Pick<Kind, "keys">) => boolean}
 */
export const mayBeBlank = (column, { keys }) => keys === "generate" && column === KEY;

/** @type {(column: string) => CellFault} */
const createRequiredFault = (column) => ({
  column,
  code: "required",
  message: "must not be blank",
  value: null,
});

/**
 * The first fault of a cell, or null. Blank cells and unknown columns have none.
 *
 * @type {(column: string, cell: string, kind: Kind) => CellFault | null}
 */
export function validateCell(column, cell, kind) {
  const steps = kind.columns[column];
  if (!steps || isUnseen(cell, kind)) return null;
  let value = cell;
  for (const step of steps) {
    const checked = step(value, kind.dates);
    if (checked === null) return null;
    if (typeof checked !== "string") return { column, ...checked, value: cell.slice(0, 200) };
    value = checked;
  }
  return null;
}

/**
 * The value of a valid cell as the server compares it, as text; "" for a blank or unset one.
 *
 * @type {(column: string, cell: string, kind: Kind) => string}
 */
export function normalizeCell(column, cell, kind) {
  if (isUnseen(cell, kind)) return "";
  let value = cell;
  for (const step of kind.columns[column]) {
    const next = step(value, kind.dates);
    if (typeof next !== "string") return "";
    value = next;
  }
  return value;
}

/**
 * Whether a cell is empty or has only white space and invisible characters.
 *
 * @type {(cell: string | undefined, kind: Kind) => boolean}
 */
export const isUnseen = (cell, kind) => !cell?.trim() || kind.unseen.test(cell);

/** Matches white space and invisible characters at both ends of a text. */
export const edgePattern = (/** @type {string} */ format) =>
  new RegExp(`^(?:${format}|\\s)+|(?:${format}|\\s)+$`, "gu");

/** Remove the apostrophe by which exports escape formulas, like the server does. */
export const unescapeFormula = (/** @type {string} */ cell) =>
  /^'+[=+\-@\t\r＝＋－＠]/.test(cell) ? cell.slice(1) : cell;
/** Put an apostrophe before a formula, like `escape_formula` of the server. */
export const escapeFormula = (/** @type {string} */ cell) =>
  /^'*[=+\-@\t\r＝＋－＠]/.test(cell) && !/^-[0-9]+(\.[0-9]+)?$/.test(cell) ? `'${cell}` : cell;

/**
 * Format rows, which are cells by column, as CSV.
 *
 * @param {string[]} columns
 * @param {Record<string, string | undefined>[]} rows
 */
export function writeCsv(columns, rows) {
  const cell = (/** @type {string} */ text) =>
    /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const line = (/** @type {(string | undefined)[]} */ cells) =>
    cells.map((text) => cell(escapeFormula(text ?? ""))).join(",");
  return (
    [columns, ...rows.map((row) => columns.map((column) => row[column]))].map(line).join("\r\n") +
    "\r\n"
  );
}

/** @type {(value: string, step: Pick<Step, "trim" | "lower">) => string} */
const normalize = (value, step) => {
  const trimmed = step.trim ? value.trim() : value;
  return step.lower ? trimmed.toLowerCase() : trimmed;
};

/**
 * A function from a value to the changed value, null for an unset one, or `{code, message}`.
 *
 * @type {(step: Step, findDamage: FindDamage, format: string) => Check}
 */
function compileStep(step, findDamage, format) {
  const { code, message, unset, instead, cut } = step;
  const fault = { code, message };
  if (step.sound) {
    return (value) => {
      const name = findDamage(value);
      return name ? { code, message: message.replace("formula error", name) } : value;
    };
  }
  if (unset) {
    const pattern = new RegExp(`^(?:${unset})$`);
    return (value) => (pattern.test(value.trim()) ? null : value);
  }
  if (step.fold) {
    const breaks = new RegExp(step.fold, "gu");
    return (value) => value.replace(breaks, " ");
  }
  if (step.ends) {
    const edges = edgePattern(format);
    return (value) => value.normalize("NFC").replace(edges, "");
  }
  if (cut) {
    const end = new RegExp(cut);
    return (value) => value.trim().replace(end, "");
  }
  if (instead) return (value) => instead[value.trim().toLowerCase()] ?? value;
  const isValid = step.visible
    ? (/** @type {string} */ value) => !new RegExp(format, "u").test(value)
    : compileTest(step);
  if (!isValid) return (value) => normalize(value, step);
  if (step.domain) {
    return (value) => {
      const address = normalizeDomain(value);
      return isValid(address) ? address : fault;
    };
  }
  const convert = compileConversion(step);
  return (value) => (isValid(value) ? convert(value) : fault);
}

/**
 * A function from a valid value to one that is equal for cells with the same meaning.
 *
 * @type {(step: Step) => (value: string) => string}
 */
function compileConversion(step) {
  const { words } = step;
  if (words) return (value) => words[normalize(value, step)];
  if (step.most) return (value) => String(Number(value));
  return (value) => value;
}

function normalizeDomain(/** @type {string} */ address) {
  const at = address.lastIndexOf("@") + 1;
  const domain = address.slice(at);
  if (/^[ -~]*$/.test(domain) && !domain.includes("xn--")) return address;
  const url = new URL(import.meta.url);
  url.hostname = "invalid";
  url.hostname = domain; // sets its ASCII form, or nothing if it is not valid
  return (
    address.slice(0, at) + (url.hostname === "invalid" ? domain.normalize("NFKC") : url.hostname)
  );
}

/** @type {(step: Step) => ((value: string) => boolean) | null} */
function compileTest(step) {
  const { bytes, choices, longest, most = Infinity } = step;
  if (step.match) {
    const pattern = new RegExp(step.match, "s");
    return (value) => {
      const normalized = normalize(value, step);
      return pattern.test(normalized) && !(Number(normalized) > most);
    };
  }
  if (step.without) {
    const pattern = new RegExp(step.without, "u");
    return (value) => !pattern.test(value);
  }
  if (longest) return (value) => value.length <= longest || [...value].length <= longest;
  if (step.entry) return (value) => isListOf(value, step.entry);
  if (bytes) return (value) => value.length * 3 <= bytes || new Blob([value]).size <= bytes;
  if (step.json === "list") return isJsonList;
  if (step.json) return isJsonObject;
  if (choices) return (value) => choices.includes(value);
  return step.calendar ? isCalendarDay : null;
}

/** @type {(text: string, longest?: number) => boolean} */
function isListOf(text, longest = 0) {
  if (text.trim().startsWith("[")) return true;
  const entries = text.split(";").map((each) => each.trim().replace(/\p{Cf}/gu, ""));
  return entries.every((each) => [...each].length <= longest);
}

function isJsonObject(/** @type {string} */ text) {
  try {
    return Object.getPrototypeOf(JSON.parse(text)) === Object.prototype;
  } catch {
    return false;
  }
}

function isJsonList(/** @type {string} */ text) {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

/** Whether a date exists in the calendar. Times are only checked for two leading digits. */
function isCalendarDay(/** @type {string} */ text) {
  const found = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](.+))?$/s.exec(text.trim());
  if (!found) return false;
  const [year, month, day] = found.slice(1, 4).map(Number);
  const time = found[4];
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const inYear = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= last;
  return inYear && (!time || /^\d{2}/.test(time));
}
