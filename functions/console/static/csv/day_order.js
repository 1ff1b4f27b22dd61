// Dates that are not written year first, such as 31.12.2027, like the server reads them.

/** @import { Rules } from "./rules.js" */
/** @typedef {"iso" | "dmy" | "mdy"} Dates the option `dates` of an import */
/** @typedef {Record<string, string>} DateFaults messages, see shared/day_order.py */

/**
 * The day as YYYY-MM-DD, if the value is a date of the calendar in this order; else null.
 *
 * @type {(value: string, dates: Dates, written: RegExp) => string | null}
 */
export function toIsoDay(value, dates, written) {
  const found = written.exec(value.trim());
  if (!found || dates === "iso") return null;
  const [first, second, year] = [found[1], found[3], found[4]].map(Number);
  const [day, month] = dates === "dmy" ? [first, second] : [second, first];
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > last) return null;
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${found[4]}-${pad(month)}-${pad(day)}`;
}

/**
 * The step of a date: the ISO day, the value itself if it ends in no year, or its fault.
 *
 * @param {RegExp} written
 * @param {DateFaults} faults
 */
export const compileDay = (written, faults) => {
  const fault = (/** @type {string} */ name) => ({ code: "invalid_value", message: faults[name] });
  return (/** @type {string} */ value, /** @type {Dates} */ dates) => {
    if (!written.test(value.trim())) return value;
    if (dates !== "iso") return toIsoDay(value, dates, written) ?? fault(`not_${dates}`);
    const byDay = toIsoDay(value, "dmy", written);
    const byMonth = toIsoDay(value, "mdy", written);
    if (byDay && byMonth) return fault("either");
    return byDay || byMonth ? fault(byDay ? "dmy" : "mdy") : value;
  };
};

/**
 * What a file's dates are: `suggested` is the only order that all of them fit, `example` one of
 * them. Both are null if no date ends in its year.
 *
 * @typedef {{ suggested: Dates | null, example: string | null }} FileDates
 */

/**
 * Finds the only order in which all dates of a file can be read: `feed` each cell of a date.
 *
 * @param {Pick<Rules, "written_dates">} rules
 */
export function createDayOrder({ written_dates: written }) {
  /** @type {Dates[]} */
  let fits = ["dmy", "mdy"];
  /** @type {string | null} */
  let example = null;
  const feed = (/** @type {string} */ cell) => {
    if (!written.test(cell.trim())) return;
    const own = /** @type {Dates[]} */ (["dmy", "mdy"]).filter((order) =>
      toIsoDay(cell, order, written),
    );
    if (!own.length) return;
    if (example === null || (own.length === 1 && fits.length === 2)) example = cell.trim();
    fits = fits.filter((order) => own.includes(order));
  };
  /** @type {() => FileDates} */
  const find = () => ({ suggested: example && fits.length === 1 ? fits[0] : null, example });
  return { feed, find };
}
