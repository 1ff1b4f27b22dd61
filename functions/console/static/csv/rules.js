// Validate cells by rules.json, which the build generates from the server's row models.
//
// The browser rejects no cell that the server accepts. Rules that need the catalog are left to the
// server.

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

/** Replace each step of a column by a function, see `compileStep`. */
function compileRules(rules) {
  const maybe = new RegExp(`^(?:${rules.maybe_damaged})`);
  const damage = rules.damage.map(([source, name]) => [new RegExp(`^(?:${source})$`), name]);
  const findDamage = (value) =>
    maybe.test(value) && damage.find(([pattern]) => pattern.test(value.trim()))?.[1];
  for (const kind of Object.values(rules.kinds)) {
    kind.format = rules.format;
    kind.unseen = new RegExp(`^(?:${rules.format}|\\s)*$`, "u");
    kind.lateQuote = new RegExp(`^(?:${rules.format}|\\s)+"`, "u");
    for (const [column, steps] of Object.entries(kind.columns)) {
      kind.columns[column] = steps.map((step) => compileStep(step, findDamage, rules.format));
    }
  }
  return rules;
}

/** The faults of a row; `cells` are by column. */
export function validateRow(cells, kind) {
  const faults = [];
  for (const column of kind.required) {
    if (isUnseen(cells[column], kind)) faults.push(createRequiredFault(column));
  }
  for (const column of Object.keys(cells)) {
    const fault = validateCell(column, cells[column], kind);
    if (fault) faults.push(fault);
  }
  return faults;
}

const createRequiredFault = (column) => ({
  column,
  code: "required",
  message: "must not be blank",
  value: null,
});

/** The first fault of a cell, or null. Blank cells and unknown columns have none. */
export function validateCell(column, cell, kind) {
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

/** The value of a valid cell as the server compares it, as text; "" for a blank or unset one. */
export function normalizeCell(column, cell, kind) {
  if (isUnseen(cell, kind)) return "";
  return kind.columns[column].reduce((value, step) => value && (step(value) ?? ""), cell);
}

/** Whether a cell is empty or has only white space and invisible characters. */
export const isUnseen = (cell, kind) => !cell?.trim() || kind.unseen.test(cell);

/** Matches white space and invisible characters at both ends of a text. */
export const edgePattern = (format) => new RegExp(`^(?:${format}|\\s)+|(?:${format}|\\s)+$`, "gu");

/** Remove the apostrophe by which exports escape formulas, like the server does. */
export const unescapeFormula = (cell) =>
  /^'+[=+\-@\t\r＝＋－＠]/.test(cell) ? cell.slice(1) : cell;
const escapeFormula = (cell) =>
  /^'*[=+\-@\t\r＝＋－＠]/.test(cell) && !/^-[0-9]+(\.[0-9]+)?$/.test(cell) ? `'${cell}` : cell;

/** Format rows, which are cells by column, as CSV. */
export function writeCsv(columns, rows) {
  const cell = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells) => cells.map((text) => cell(escapeFormula(text ?? ""))).join(",");
  return (
    [columns, ...rows.map((row) => columns.map((column) => row[column]))].map(line).join("\r\n") +
    "\r\n"
  );
}

const normalize = (value, step) => {
  const trimmed = step.trim ? value.trim() : value;
  return step.lower ? trimmed.toLowerCase() : trimmed;
};

/** A function from a value to the changed value, null for an unset one, or `{code, message}`. */
function compileStep(step, findDamage, format) {
  const { code, message } = step;
  const fault = { code, message };
  if (step.sound) {
    return (value) => {
      const name = findDamage(value);
      return name ? { code, message: message.replace("formula error", name) } : value;
    };
  }
  if (step.unset) {
    const unset = new RegExp(`^(?:${step.unset})$`);
    return (value) => (unset.test(value.trim()) ? null : value);
  }
  if (step.fold) {
    const breaks = new RegExp(step.fold, "gu");
    return (value) => value.replace(breaks, " ");
  }
  if (step.ends) {
    const edges = edgePattern(format);
    return (value) => value.normalize("NFC").replace(edges, "");
  }
  if (step.instead) return (value) => step.instead[value.trim().toLowerCase()] ?? value;
  const isValid = step.visible
    ? (value) => !new RegExp(format, "u").test(value)
    : compileTest(step);
  if (!isValid) return (value) => normalize(value, step);
  const convert = compileConversion(step);
  return (value) => (isValid(value) ? convert(value) : fault);
}

/** A function from a valid value to one that is equal for cells with the same meaning. */
function compileConversion(step) {
  if (step.words) return (value) => step.words[normalize(value, step)];
  if (step.most) return (value) => String(Number(value));
  return step.domain ? normalizeDomain : (value) => value;
}

function normalizeDomain(address) {
  const at = address.lastIndexOf("@") + 1;
  const domain = address.slice(at);
  if (/^[ -~]*$/.test(domain) && !domain.includes("xn--")) return address;
  const url = new URL(import.meta.url);
  url.hostname = "invalid";
  url.hostname = domain; // sets its ASCII form, or nothing if it is not valid
  return address.slice(0, at) + (url.hostname === "invalid" ? domain.normalize("NFKC") : url.hostname);
}

function compileTest(step) {
  if (step.match) {
    const pattern = new RegExp(step.match, "s");
    return (value) => {
      const normalized = normalize(value, step);
      return pattern.test(normalized) && !(Number(normalized) > step.most);
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
  if (step.json) return isJsonObject;
  if (step.choices) return (value) => step.choices.includes(value);
  return step.calendar && isCalendarDay;
}

function isJsonObject(text) {
  try {
    return Object.getPrototypeOf(JSON.parse(text)) === Object.prototype;
  } catch {
    return false;
  }
}

/** Whether a date exists in the calendar. Times are only checked for two leading digits. */
function isCalendarDay(text) {
  const [, year, month, day, time] = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](.+))?$/s.exec(
    text.trim(),
  );
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const inYear = Number(year) >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= last;
  return inYear && (!time || /^\d{2}/.test(time));
}
