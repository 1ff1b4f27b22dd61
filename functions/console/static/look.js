// What is in a file, before it is sent: the same reading and rules as the server's.
import { BadFile, isBlank, linesIn, parsed } from "./csv.js";
import { decoded, detected } from "./dialect.js";
import { similarColumns } from "./header.js";
import { faultsOf, isUnseen, unescaped } from "./rules.js";

/** Bytes that are looked at; the server looks at the rest. */
const MOST_BYTES = 128 * 1024 * 1024;
const SHOWN = 200;
const PREVIEW = 5;

/** All that can be said of a file: `{refusal}`, or how it is written, its rows and their faults. */
export async function look({ file, kind, encoding, most = MOST_BYTES }, rules, tell = () => {}) {
  const cut = file.size > most;
  try {
    const bytes = new Uint8Array(await file.slice(0, most).arrayBuffer());
    const { text, encoding: found } = decoded(bytes, encoding, rules, cut);
    const dialect = detected(text, rules.kinds[kind], rules);
    const rows = rowsOf(text, dialect, rules.kinds[kind], rules, tell, cut);
    return { ...rows, cut, ...aboutFile(kind, dialect, found, encoding, rules) };
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    const { code, message, line, column } = error;
    return { refusal: { code, message, line, column } };
  }
}

/** The encoding, columns that may be misspelled, and what else is worth a look. */
function aboutFile(kind, { columns, names }, encoding, requested, { kinds, format, report }) {
  const known = Object.keys(kinds[kind].columns);
  const ours = columns.map((column, at) => (report.includes(names[at]) ? "" : column));
  const similar = similarColumns(ours, names, known, format);
  const warnings = [];
  if (!requested && encoding === "windows-1252")
    warnings.push("The file is not UTF-8, so it is read as Windows-1252: check letters with accents.");
  else if (requested && requested !== encoding)
    warnings.push(`The file is ${encoding.toUpperCase()}, and is read as that.`);
  const prefix = { customers: "", licenses: "customer__" }[kind];
  const customers = known.filter((name) => prefix !== undefined && name.startsWith(prefix));
  if (customers.some((name) => names.includes(name)) && !names.includes(`${prefix}email`))
    warnings.push(
      `There is no column ${prefix}email: these customers have no e-mail.`,
    );
  return { encoding, similar, warnings };
}

function rowsOf(text, { delimiter, columns, names, start, line }, kind, rules, tell, cut) {
  const found = { delimiter, columns, rows: 0, faulty: 0, faults: [], preview: [] };
  const ours = new Set(rules.report);
  found.unknown = columns.filter(
    (name, at) => name && !Object.hasOwn(kind.columns, names[at]) && !ours.has(names[at]),
  );
  const body = text.slice(start);
  let at = 0;
  let told = 0;
  parsed(body, delimiter, (cells, broken, cursor, opened) => {
    const here = line;
    const raw = body.slice(at, cursor);
    if (cut && broken === "unbalanced_quote") return false;
    if (broken === "unbalanced_quote") {
      const message = "A quote opens here and is not closed, or is closed amid text.";
      throw new BadFile(broken, message, here + linesIn(body.slice(at, opened)));
    }
    line += raw.includes('"') ? linesIn(raw) : 1;
    at = cursor;
    if (performance.now() - told > 100) {
      told = performance.now();
      tell(cursor / body.length);
    }
    if (!broken && isBlank(cells)) return true;
    found.rows += 1;
    if (found.preview.length < PREVIEW) found.preview.push(cells);
    const fault = broken || (isSpaced(cells, raw, kind) && "stray_quote");
    const faults = fault ? [ofRow(fault)] : faultsOfRecord(cells, names, kind);
    if (!faults.length) return true;
    found.faulty += 1;
    const written = faults.map((fault) => ({
      ...fault,
      column: columns[names.indexOf(fault.column)] ?? fault.column,
    }));
    if (found.faults.length < SHOWN)
      found.faults.push({ row: found.rows, line: here, errors: written });
    return true;
  });
  return found;
}

/** Whether a cell has its opening quote behind a blank, so that it is no quote for the format. */
function isSpaced(cells, raw, kind) {
  if (!raw.includes('"')) return false;
  const found = cells.filter((text) => text[0] !== '"' && kind.lateQuote.test(text));
  return found.some((text) => !raw.includes(`"${text.replaceAll('"', '""')}"`));
}

function faultsOfRecord(fields, names, kind) {
  if (fields.length > names.length && !isBlank(fields.slice(names.length)))
    return [ofRow("extra_fields")];
  const cells = {};
  for (let at = 0; at < names.length; at += 1) cells[names[at]] = unescaped(fields[at] ?? "");
  const faults = faultsOf(cells, kind);
  const known = names.some((name) => Object.hasOwn(kind.columns, name) && !isUnseen(cells[name], kind));
  return faults.length || known ? faults : [ofRow("blank_row")];
}

const ROW_FAULTS = {
  extra_fields: "the row has more cells than the header; check its delimiters and quotes",
  stray_quote:
    "there is text or a blank outside the quotes of a cell; remove it, or double the quotes inside the cell",
  blank_row: "no column that is imported has a value; fill one, or remove the row",
};
const ofRow = (code) => ({ column: "", code, message: ROW_FAULTS[code], value: null });
