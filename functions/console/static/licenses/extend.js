// Extend a license or its maintenance by a month or by years: which field changes, and to what.

/** @import { License } from "../api/types.ts" */

/** @typedef {{ label: string, months: number }} Step */
/** @typedef {"validity_period" | "valid_duration" | "maintenance_period" | "maintenance_duration"} End */
/** @typedef {Pick<License, End | "enable_maintenance_period">} Terms */
/** @typedef {{ field: End, before: string, after: string, late: boolean }} Extension */

/** @type {Step[]} */
export const STEPS = [
  { label: "1 month", months: 1 },
  { label: "1 year", months: 12 },
  { label: "2 years", months: 24 },
  { label: "3 years", months: 36 },
];

const DAYS_OF_YEAR = 365;
const DAYS_OF_MONTH = 30;
/** Units of a day, and the largest number of a duration, as in the API. */
const OF_DAY = { d: 1, h: 24, min: 24 * 60 };
const MAX_NUMBER = 99_999;
const LAST_YEAR = 9999;

/**
 * The day some months after a day; the last day of the month if it is shorter: `2028-02-29` and a
 * year is `2029-02-28`. Null if there is no such day.
 *
 * @param {string} day
 * @param {number} months
 */
export function addMonths(day, months) {
  const [year, month, date] = day.split("-").map(Number);
  const count = year * 12 + month - 1 + months;
  const [newYear, newMonth] = [Math.floor(count / 12), (count % 12) + 1];
  if (newYear > LAST_YEAR) return null;
  const lastDate = new Date(Date.UTC(newYear, newMonth, 0)).getUTCDate();
  const text = (/** @type {number} */ number, /** @type {number} */ width) =>
    String(number).padStart(width, "0");
  return `${text(newYear, 4)}-${text(newMonth, 2)}-${text(Math.min(date, lastDate), 2)}`;
}

/**
 * A duration plus some months, in the unit of the duration if possible. Null if it is too long, or
 * not a duration.
 *
 * @param {string} duration
 * @param {number} months
 */
export function addToDuration(duration, months) {
  const [, digits, unit] = /^(\d+)(y|m|d|h|min)$/.exec(duration) ?? [];
  const number = Number(digits);
  const result = () => {
    if (unit === "y")
      return months % 12 ? [number * 12 + months, "m"] : [number + months / 12, "y"];
    if (unit === "m") return [number + months, "m"];
    const days = Math.floor(months / 12) * DAYS_OF_YEAR + (months % 12) * DAYS_OF_MONTH;
    return [number + days * OF_DAY[/** @type {keyof OF_DAY} */ (unit)], unit];
  };
  if (!unit) return null;
  const [sum, sumUnit] = result();
  return Number(sum) > MAX_NUMBER ? null : `${sum}${sumUnit}`;
}

/**
 * The field that has an end, if the term has one: a day, or a duration from the activation.
 *
 * @template {End} Field
 * @param {Terms} license
 * @param {Field[]} fields
 * @param {string} today
 * @param {number} months
 * @returns {Extension | null}
 */
function extendFirst(license, fields, today, months) {
  const field = fields.find((name) => license[name]);
  const before = field && license[field];
  if (!field || !before) return null;
  const isDay = field.endsWith("_period");
  const late = isDay && before < today;
  const after = isDay ? addMonths(late ? today : before, months) : addToDuration(before, months);
  return after ? { field, before, after, late } : null;
}

/**
 * A license some months longer, from its end, or from `today` if it has ended. Null if it never ends.
 *
 * @type {(license: Terms, today: string, months: number) => Extension | null}
 */
export const extendLicense = (license, today, months) =>
  extendFirst(license, ["validity_period", "valid_duration"], today, months);

/** @type {(license: Terms, today: string, months: number) => Extension | null} */
export const extendMaintenance = (license, today, months) =>
  license.enable_maintenance_period || license.maintenance_period
    ? extendFirst(license, ["maintenance_period", "maintenance_duration"], today, months)
    : null;
