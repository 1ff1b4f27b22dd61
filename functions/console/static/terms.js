// The terms of a license, as forms ask for them and as tables tell of them.
// A product, a policy and a license in an order speak the same terms; left open, the next one says.

import { day } from "./parts.js";

export const TYPES = {
  perpetual: "Perpetual",
  "time-limited": "Time-limited",
  subscription: "Subscription",
  consumption: "Consumption",
};

const PERIODS = { daily: "Daily", weekly: "Weekly", monthly: "Monthly", annually: "Yearly" };
const count = (name, label, hint) => ({ name, label, hint, kind: "count" });
const flag = (name, label, hint) => ({ name, label, hint, kind: "flag" });
const lasts = (type) => type !== "perpetual";
const counts = (type) => type === "consumption";

// `only` says for which types of license, and for products licensed by what, a term is asked for;
// the others have no use for it.
const GROUPS = [
  {
    title: "Duration and activations",
    terms: [
      {
        name: "valid_duration",
        label: "Valid for",
        kind: "duration",
        only: lasts,
        hint: "From the first activation: 1y, 6m, 30d, 12h, 90min",
      },
      count("max_activations", "Activations"),
      flag("allow_unlimited_activations", "Unlimited activations"),
      { ...count("max_transfers", "Device transfers", "-1 allows any number"), kind: "number" },
      count("trial_days", "Days of a trial"),
      {
        ...count("max_license_users", "Users of one license"),
        only: (_, method) => method === "user",
      },
    ],
  },
  {
    title: "Consumption",
    only: counts,
    terms: [
      count("max_consumptions", "Uses"),
      flag("allow_unlimited_consumptions", "Unlimited uses"),
      flag("allow_negative_consumptions", "Uses may be given back"),
      flag("allow_overages", "Overages"),
      count("max_overages", "Most overages"),
      flag("reset_consumption", "Starts again each period"),
      { name: "consumption_period", label: "Period", kind: "choice", choices: PERIODS },
    ],
  },
  {
    title: "Maintenance",
    terms: [
      flag("enable_maintenance_period", "Has maintenance"),
      {
        name: "maintenance_duration",
        label: "Maintenance for",
        kind: "duration",
        hint: "1y, 6m or 30d",
      },
    ],
  },
  {
    title: "Floating",
    terms: [
      flag("is_floating", "Floating on the network"),
      flag("is_floating_cloud", "Floating in the cloud"),
      count("floating_users", "Devices at once"),
      count("floating_timeout", "Timeout in minutes"),
    ],
  },
  {
    title: "Offline and devices",
    terms: [
      flag("can_borrow", "May be borrowed"),
      count("max_borrow_time", "Borrowed for hours"),
      flag("allow_grace_period", "Grace period"),
      count("grace_period", "Grace period in hours"),
      flag("prevent_vm", "Refuse virtual machines"),
      flag("is_air_gapped", "Air-gapped activation"),
      flag("is_hardware_key_auth", "Hardware key"),
    ],
  },
];

export const groupsFor = (type, method) =>
  GROUPS.filter(({ only }) => !only || only(type, method)).map((group) => ({
    ...group,
    terms: group.terms.filter(({ only }) => !only || only(type, method)),
  }));

export const TERMS = GROUPS.flatMap(({ terms }) => terms);

// What is typed, as the API takes it: numbers as numbers where they are numbers, so that anything
// else is refused by the API in its own words.
export function sent(term, typed) {
  const text = String(typed ?? "").trim();
  if (text === "") return null;
  if (term.kind === "flag") return text === "yes";
  return term.kind === "count" || term.kind === "number" ? sentCount(text) : text;
}

/** A number as a number; what is none goes as it is, for the API to say so. */
export function sentCount(typed) {
  const text = String(typed ?? "").trim();
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text || null;
}

// What is stored, as a form shows it.
export const typedTerms = (stored) =>
  Object.fromEntries(TERMS.map(({ name }) => [name, typed(stored?.[name])]));

function typed(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  return value == null ? "" : String(value);
}

// Terms of a form as a request names them; `blank` is what stands for a term left open.
export function termsOf(form, type, method, blank) {
  const body = {};
  for (const term of groupsFor(type, method).flatMap(({ terms }) => terms)) {
    const value = sent(term, form[term.name]);
    if (value !== null || blank !== undefined) body[term.name] = value ?? blank;
  }
  return body;
}

// The field of a catalog's form that a refusal is about: terms stand in it under `terms`.
export function tell({ pointer, message }) {
  const name = (pointer ?? "").split("/")[1] ?? "";
  return { at: TERMS.some((term) => term.name === name) ? `terms.${name}` : name, message };
}

const UNITS = { y: "year", m: "month", d: "day", h: "hour", min: "minute" };

function lasting(duration) {
  const [, number, unit] = /^(\d+)([a-z]+)$/.exec(duration ?? "") ?? [];
  return unit in UNITS ? `${number} ${UNITS[unit]}${number === "1" ? "" : "s"}` : duration;
}

export function inWords(term, value) {
  if (term.kind === "flag") return value ? "Yes" : "No";
  if (term.kind === "duration") return lasting(value);
  if (term.kind === "choice") return term.choices[value] ?? value;
  return value.toLocaleString("en");
}

// The terms that matter most, in one line: "1 year · 5 activations".
export function inShort(terms) {
  const words = [];
  if (terms.validity_period) words.push(`until ${day(terms.validity_period)}`);
  else if (terms.is_trial && terms.trial_days) words.push(`${terms.trial_days} days of trial`);
  else if (terms.valid_duration) words.push(lasting(terms.valid_duration));
  if (terms.allow_unlimited_activations) words.push("any number of activations");
  else if (terms.max_activations != null)
    words.push(`${terms.max_activations} activation${terms.max_activations === 1 ? "" : "s"}`);
  if (terms.max_consumptions) words.push(`${terms.max_consumptions.toLocaleString("en")} uses`);
  if (terms.is_floating || terms.is_floating_cloud) words.push("floating");
  return words.join(" · ");
}
