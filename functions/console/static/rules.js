// What a file may hold, by the rules in rules.json that the server's own row models wrote.
//
// The browser refuses no cell that the server takes; what only the catalog can tell is left to it.

let known = null;

/** The rules of all kinds, read once. */
export function loadRules() {
  known ??= fetch(new URL("rules.json", import.meta.url), { signal: AbortSignal.timeout(31_000) })
    .then((answer) => answer.json())
    .then(prepared)
    .catch((error) => {
      known = null;
      throw error;
    });
  return known;
}

/** The rules with a function for each step of a column: it changes the value, or throws a fault. */
function prepared(rules) {
  const maybe = new RegExp(`^(?:${rules.maybe_damaged})`);
  const damage = rules.damage.map(([source, name]) => [new RegExp(`^(?:${source})$`), name]);
  const damaged = (value) =>
    maybe.test(value) && damage.find(([pattern]) => pattern.test(value.trim()))?.[1];
  for (const kind of Object.values(rules.kinds)) {
    kind.format = rules.format;
    kind.unseen = new RegExp(`^(?:${rules.format}|\\s)*$`, "u");
    kind.lateQuote = new RegExp(`^(?:${rules.format}|\\s)+"`, "u");
    for (const [column, steps] of Object.entries(kind.columns)) {
      kind.columns[column] = steps.map((step) => made(step, damaged, rules.format));
    }
  }
  return rules;
}

/** The faults of a row: `cells` by header in lower case. */
export function faultsOf(cells, kind) {
  const faults = [];
  for (const column of kind.required) {
    if (isUnseen(cells[column], kind)) faults.push(blank(column));
  }
  for (const column of Object.keys(cells)) {
    const fault = faultOf(column, cells[column], kind);
    if (fault) faults.push(fault);
  }
  return faults;
}

const blank = (column) => ({ column, code: "required", message: "must not be blank", value: null });

/** The first fault of a cell, or null, as for a blank cell, an unset date, an unknown column. */
export function faultOf(column, cell, kind) {
  const steps = kind.columns[column];
  if (!steps || isUnseen(cell, kind)) return null;
  let value = cell;
  for (const step of steps) {
    value = step(value);
    if (value === null) return null;
    if (typeof value !== "string") return { column, ...value, value: cell.slice(0, 200) };
  }
  return null;
}

/** Whether a cell is empty, or of blanks and invisible characters alone. */
export const isUnseen = (cell, kind) => !cell?.trim() || kind.unseen.test(cell);

/** Blanks and invisible characters at both ends of a text. */
export const around = (format) => new RegExp(`^(?:${format}|\\s)+|(?:${format}|\\s)+$`, "gu");

/** What the server's reader of files does: a formula that was made harmless is one again. */
export const unescaped = (cell) => (/^'+[=+\-@\t\r＝＋－＠]/.test(cell) ? cell.slice(1) : cell);
const escaped = (cell) =>
  /^'*[=+\-@\t\r＝＋－＠]/.test(cell) && !/^-[0-9]+(\.[0-9]+)?$/.test(cell) ? `'${cell}` : cell;

/** A CSV file of rows that are cells by column. */
export function csvOf(columns, rows) {
  const cell = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells) => cells.map((text) => cell(escaped(text ?? ""))).join(",");
  return (
    [columns, ...rows.map((row) => columns.map((column) => row[column]))].map(line).join("\r\n") +
    "\r\n"
  );
}

const worded = (value, step) => {
  const trimmed = step.trim ? value.trim() : value;
  return step.lower ? trimmed.toLowerCase() : trimmed;
};

/** A step as a function of the value, which gives the changed value, or `{code, message}`. */
function made(step, damaged, format) {
  const { code, message } = step;
  const fault = { code, message };
  if (step.sound) {
    return (value) => {
      const name = damaged(value);
      return name ? { code, message: message.replace("formula error", name) } : value;
    };
  }
  if (step.unset) {
    const unset = (value, start) => (step.whole ? value === start : value.startsWith(start));
    return (value) => (step.unset.some((start) => unset(value.trim(), start)) ? null : value);
  }
  if (step.fold) {
    const breaks = new RegExp(step.fold, "gu");
    return (value) => value.replace(breaks, " ");
  }
  if (step.ends) {
    const ends = around(format);
    return (value) => value.normalize("NFC").replace(ends, "");
  }
  if (step.instead) return (value) => step.instead[value.trim().toLowerCase()] ?? value;
  const holds = step.visible ? (value) => !new RegExp(format, "u").test(value) : test(step);
  if (!holds) return (value) => worded(value, step);
  return (value) => (holds(value) ? value : fault);
}

function test(step) {
  if (step.match) {
    const pattern = new RegExp(step.match, "s");
    return (value) => {
      const given = worded(value, step);
      return pattern.test(given) && !(Number(given) > step.most);
    };
  }
  if (step.without) {
    const pattern = new RegExp(step.without, "u");
    return (value) => !pattern.test(value);
  }
  if (step.longest)
    return (value) => value.length <= step.longest || [...value].length <= step.longest;
  if (step.bytes)
    return (value) => value.length * 3 <= step.bytes || new Blob([value]).size <= step.bytes;
  if (step.json) return isObject;
  if (step.choices) return (value) => step.choices.includes(value);
  return step.calendar && isDay;
}

function isObject(text) {
  try {
    return Object.getPrototypeOf(JSON.parse(text)) === Object.prototype;
  } catch {
    return false;
  }
}

/** Whether a day is in the calendar; of a time, only what can't be one is refused. */
function isDay(text) {
  const [, year, month, day, time] = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](.+))?$/s.exec(
    text.trim(),
  );
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const inYear = Number(year) >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= last;
  return inYear && (!time || /^\d{2}/.test(time));
}
