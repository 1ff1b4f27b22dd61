// The terms of a license: in forms, in requests and in tables.
//
// Products, policies and licenses have the same terms. A license inherits a term that it does not set
// from its policy, and a policy from its product.

/** @import { Draft, Fault, License, LicenseType, Policy, Product } from "../api/types.ts" */
/** @import { FieldFault } from "../forms/form.js" */
import { formatDay } from "../parts/formats.js";

/** @typedef {keyof Product & keyof Policy & keyof License} TermName */
/** @typedef {Partial<Pick<License, TermName>> & Partial<Pick<License, "validity_period" | "is_trial">>} Terms */
/** @typedef {(type: string, method?: string) => boolean} Only */

/**
 * @typedef {object} Term
 * @property {TermName} name
 * @property {string} label
 * @property {string} [hint]
 * @property {"count" | "number" | "flag" | "duration" | "choice"} kind
 * @property {Record<string, string>} [choices]
 * @property {string[]} [units] of a duration
 * @property {Only} [only]
 */

/** @typedef {{ title: string, terms: Term[], only?: Only }} Group */

/** @type {Record<LicenseType, string> & Record<string, string>} */
export const TYPES = {
  perpetual: "Perpetual",
  "time-limited": "Time-limited",
  subscription: "Subscription",
  consumption: "Consumption",
};

/** @type {Record<NonNullable<License["consumption_period"]>, string>} */
const PERIODS = { daily: "Daily", weekly: "Weekly", monthly: "Monthly", annually: "Yearly" };
/** @type {(name: TermName, label: string, hint?: string) => Term} */
const count = (name, label, hint) => ({ name, label, hint, kind: "count" });
/** @type {(name: TermName, label: string, hint?: string) => Term} */
const flag = (name, label, hint) => ({ name, label, hint, kind: "flag" });
/** @type {(type: string) => boolean} */
const hasDuration = (type) => type !== "perpetual";
/** @type {(type: string) => boolean} */
const isConsumption = (type) => type === "consumption";

// `only(type, method)` restricts a term or group to some license types or authorization methods.
/** @type {Group[]} */
const GROUPS = [
  {
    title: "Duration and activations",
    terms: [
      {
        name: "valid_duration",
        label: "Valid for",
        kind: "duration",
        only: hasDuration,
        units: ["y", "m", "d", "h", "min"],
        hint: "From first activation",
      },
      count("max_activations", "Activations"),
      flag("allow_unlimited_activations", "Unlimited activations"),
      { ...count("max_transfers", "Device transfers", "-1 = unlimited"), kind: "number" },
      count("trial_days", "Trial length (days)"),
      {
        ...count("max_license_users", "Users per license"),
        only: (_, method) => method === "user",
      },
    ],
  },
  {
    title: "Consumption",
    only: isConsumption,
    terms: [
      count("max_consumptions", "Uses"),
      flag("allow_unlimited_consumptions", "Unlimited uses"),
      flag("allow_negative_consumptions", "Allow negative consumption"),
      flag("allow_overages", "Allow overages"),
      count("max_overages", "Max. overages"),
      flag("reset_consumption", "Reset every period"),
      { name: "consumption_period", label: "Period", kind: "choice", choices: PERIODS },
    ],
  },
  {
    title: "Maintenance",
    terms: [
      flag("enable_maintenance_period", "Includes maintenance"),
      {
        name: "maintenance_duration",
        label: "Maintenance length",
        kind: "duration",
        units: ["y", "m", "d"],
      },
    ],
  },
  {
    title: "Floating",
    terms: [
      flag("is_floating", "Floating on the network"),
      flag("is_floating_cloud", "Floating in the cloud"),
      count("floating_users", "Concurrent devices"),
      count("floating_timeout", "Timeout (minutes)"),
    ],
  },
  {
    title: "Offline and devices",
    terms: [
      flag("can_borrow", "Allow borrowing"),
      count("max_borrow_time", "Max. borrow time (hours)"),
      flag("allow_grace_period", "Allow grace period"),
      count("grace_period", "Grace period (hours)"),
      flag("prevent_vm", "Block virtual machines"),
      flag("is_air_gapped", "Air-gapped activation"),
      flag("is_hardware_key_auth", "Hardware key"),
    ],
  },
];

/** @type {(type: string, method?: string) => Group[]} */
export const groupsFor = (type, method) =>
  GROUPS.filter(({ only }) => !only || only(type, method)).map((group) => ({
    ...group,
    terms: group.terms.filter(({ only }) => !only || only(type, method)),
  }));

export const TERMS = GROUPS.flatMap(({ terms }) => terms);

/**
 * A form value as the API expects it; null if blank.
 *
 * @type {(term: Term, input: string | undefined) => boolean | number | string | null}
 */
export function toApiValue(term, input) {
  const text = String(input ?? "").trim();
  if (text === "") return null;
  if (term.kind === "flag") return text === "yes";
  return term.kind === "count" || term.kind === "number" ? toApiNumber(text) : text;
}

/**
 * What is wrong with a form value, before it is sent; undefined if nothing is, or it is blank.
 *
 * @type {(term: Term, input: string | undefined) => string | undefined}
 */
export function findProblem({ kind, units = [] }, input) {
  const text = String(input ?? "").trim();
  if (!text) return undefined;
  if (kind === "count" && !/^\d{1,15}$/.test(text)) return "Enter a whole number";
  if (kind === "number" && !/^-?\d{1,15}$/.test(text)) return "Enter a whole number";
  if (kind !== "duration") return undefined;
  const [number, unit] = splitDuration(text);
  return /^[1-9]\d{0,4}$/.test(number) && units.includes(unit)
    ? undefined
    : "Enter a number from 1 to 99,999 and choose a unit";
}

/**
 * A number, null if blank, or any other text unchanged, so that the API explains what is wrong.
 *
 * @type {(input: string | undefined) => number | string | null}
 */
export function toApiNumber(input) {
  const text = String(input ?? "").trim();
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text || null;
}

/**
 * The terms of a record as form values.
 *
 * @type {(record?: Terms) => Record<string, string>}
 */
export const toFormTerms = (record) =>
  Object.fromEntries(TERMS.map(({ name }) => [name, toFormValue(record?.[name])]));

/** @type {(value: unknown) => string} */
function toFormValue(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  return value == null ? "" : String(value);
}

/**
 * Form values as terms of a request; `blank` is the value of blank terms, undefined omits them.
 *
 * @param {Record<string, string>} form
 * @param {string} type
 * @param {string} [method]
 * @param {null} [blank]
 * @returns {Draft<Terms>}
 */
export function toApiTerms(form, type, method, blank) {
  /** @type {Draft<Terms>} */
  const body = {};
  for (const term of groupsFor(type, method).flatMap(({ terms }) => terms)) {
    const value = toApiValue(term, form[term.name]);
    if (value !== null || blank !== undefined) body[term.name] = value ?? blank;
  }
  return body;
}

/**
 * Map an API fault to its field in a catalog form, where terms are below `terms`.
 *
 * @type {(fault: Fault) => FieldFault}
 */
export function locateFault({ pointer, message }) {
  const name = (pointer ?? "").split("/")[1] ?? "";
  return { at: TERMS.some((term) => term.name === name) ? `terms.${name}` : name, message };
}

/** @type {Record<string, string>} */
export const UNITS = { y: "year", m: "month", d: "day", h: "hour", min: "minute" };

/**
 * The number and the unit of a duration; of another text, the text without a unit.
 *
 * @type {(duration: string) => [number: string, unit: string]}
 */
export function splitDuration(duration) {
  const [, number, unit = ""] = /^(\d+)([a-z]+)$/.exec(duration) ?? [];
  return unit in UNITS ? [number, unit] : [duration, ""];
}

/** @type {(duration: string) => string} */
export function formatDuration(duration) {
  const [number, unit] = splitDuration(duration);
  return unit ? `${number} ${UNITS[unit]}${number === "1" ? "" : "s"}` : duration;
}

/** @type {(term: Term, value: unknown) => string} */
export function formatTerm(term, value) {
  if (term.kind === "flag") return value ? "Yes" : "No";
  if (term.kind === "duration") return formatDuration(String(value));
  if (term.kind === "choice") return term.choices?.[String(value)] ?? String(value);
  return Number(value).toLocaleString("en");
}

/**
 * The main terms in one line: `1 year · 5 activations`.
 *
 * @type {(terms: Terms) => string}
 */
export function summarizeTerms(terms) {
  /** @type {string[]} */
  const texts = [];
  if (terms.validity_period) texts.push(`until ${formatDay(terms.validity_period)}`);
  else if (terms.is_trial && terms.trial_days) texts.push(`${terms.trial_days}-day trial`);
  else if (terms.valid_duration) texts.push(formatDuration(terms.valid_duration));
  if (terms.allow_unlimited_activations) texts.push("unlimited activations");
  else if (terms.max_activations != null)
    texts.push(`${terms.max_activations} activation${terms.max_activations === 1 ? "" : "s"}`);
  if (terms.max_consumptions) texts.push(`${terms.max_consumptions.toLocaleString("en")} uses`);
  if (terms.is_floating || terms.is_floating_cloud) texts.push("floating");
  return texts.join(" · ");
}
