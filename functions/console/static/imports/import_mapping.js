// Which column of a file is which of ours, with suggestions, and saved mappings.

/** @import { Failure, ImportKind } from "../api/types.ts" */
/** @import { Dates } from "../csv/day_order.js" */
/** @import { FileHeader } from "../csv/file_check.js" */
/** @import { Mapping } from "../csv/mapping.js" */
/** @import { Kind } from "../csv/rules.js" */
/** @import { Column } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { useLoad } from "../api/load.js";
import { isCustomField, normalizeHeader } from "../csv/header.js";
import { createMapping, isEmptyMapping } from "../csv/mapping.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { Field } from "../parts/fields.js";
import { formatCount } from "../parts/formats.js";
import { ColumnName, labelColumn } from "./column_names.js";
import { html } from "../parts/html.js";
import { announce, Badge, Table } from "../parts/parts.js";

/** The value of a select while a similar column waits for a decision. */
const OPEN = "?";
const REPORT = ["_row", "_codes", "_messages"];

/** @typedef {Pick<FileHeader, "columns" | "names" | "samples"> & { similar: string[] }} ShownHeader */

/**
 * The mapping of a file in the form. `suggested` are headers whose suggestion nobody has changed.
 *
 * @typedef {object} ColumnsForm
 * @property {Mapping} mapping
 * @property {string[]} suggested
 */
/** @typedef {(changes: ColumnsForm & { dates?: Dates }) => void} OnColumns */

/**
 * @param {{
 *   kind: ImportKind,
 *   known: Kind,
 *   header: ShownHeader,
 *   form: ColumnsForm & { dates: Dates },
 *   open: boolean,
 *   onChange: OnColumns,
 * }} props
 */
export function Columns({ kind, known, header, form, open, onChange }) {
  const rows = listRows(header, form, known);
  const used = rows.filter(({ target }) => target && target !== OPEN).length;
  const waiting = rows.filter(({ target }) => target === OPEN).length;
  const suggested = rows.filter((row) => row.suggested).length;
  const summary = [
    `Columns: ${used} of ${formatCount(rows.length, "column")} imported`,
    suggested && `${suggested} suggested`,
    waiting && `${waiting} to decide`,
  ];
  return html`<details class="part mapping" open=${open || waiting > 0 || suggested > 0}>
    <summary>${summary.filter(Boolean).join(", ")}</summary>
    ${
      suggested > 0 &&
      html`<p class="soft">Columns marked “suggested” are matched by their names. Check them before the import.</p>`
    }
    <${Table} caption="Columns of the file" rows=${rows} columns=${createColumns(known, form, onChange)} />
    <${Constants} ...${{ rows, known, form, onChange }} />
    <${SavedMappings} ...${{ kind, form, onChange }} />
  </details>`;
}

/** @typedef {{ header: string, samples: string[], target: string, suggested: boolean }} Row */

/** @type {(name: string) => string} */
const describeColumn = (name) => `${labelColumn(name)} (${name})`;

/** @type {(header: ShownHeader, form: ColumnsForm, known: Kind) => Row[]} */
function listRows({ columns, names, samples, similar }, { mapping, suggested }, known) {
  return columns.flatMap((header, at) => {
    if (!header || REPORT.includes(names[at])) return [];
    const chosen = findEntry(mapping, header, known);
    const isKnown = Object.hasOwn(known.columns, names[at]) || isCustomField(names[at]);
    const own = isKnown ? names[at] : "";
    const open = similar.includes(header) ? OPEN : "";
    const target = chosen ? (mapping.columns[chosen] ?? "") : own || open;
    const isSuggested = chosen !== undefined && suggested.includes(chosen);
    return [{ header, samples: samples[at] ?? [], target, suggested: isSuggested }];
  });
}

/** @type {(mapping: Mapping, header: string, kind: Kind) => string | undefined} */
function findEntry({ columns }, header, { format }) {
  const name = normalizeHeader(header, format);
  return Object.keys(columns).find((each) => normalizeHeader(each, format) === name);
}

/** @type {(known: Kind, form: ColumnsForm, onChange: OnColumns) => Column<Row>[]} */
function createColumns(known, { mapping, suggested }, onChange) {
  /** @type {(header: string, value: string) => void} */
  const choose = (header, value) => {
    const entry = findEntry(mapping, header, known) ?? header;
    const columns = { ...mapping.columns, [entry]: value || null };
    onChange({
      mapping: { ...mapping, columns },
      suggested: suggested.filter((each) => each !== entry),
    });
  };
  return [
    { head: "Your column", cell: ({ header }) => html`<code>${header}</code>` },
    {
      head: "First values",
      kind: "long",
      cell: ({ samples }) =>
        samples.length
          ? samples.map((text) => html`<span class="sample">${text}</span>`)
          : html`<span class="soft">(empty)</span>`,
    },
    {
      head: "Our column",
      cell: (row) => html`<div class="target">
        <select value=${row.target} aria-label="Our column for ${row.header}"
          aria-invalid=${row.target === OPEN ? "true" : undefined}
          onChange=${(/** @type {{ currentTarget: HTMLSelectElement }} */ { currentTarget }) => choose(row.header, currentTarget.value)}>
          ${row.target === OPEN && html`<option value=${OPEN}>Choose, or leave it out…</option>`}
          <option value="">Leave out</option>
          ${isCustomField(row.target) && html`<option value=${row.target}>${describeColumn(row.target)}</option>`}
          ${Object.keys(known.columns).map((name) => html`<option value=${name}>${describeColumn(name)}</option>`)}
        </select>
        ${row.suggested && html`<${Badge} tone="warn">suggested<//>`}
      </div>`,
    },
  ];
}

/**
 * Values that a column has in every row; required columns that the file lacks come first.
 *
 * @param {{ rows: Row[], known: Kind, form: ColumnsForm, onChange: OnColumns }} props
 */
function Constants({ rows, known, form, onChange }) {
  const { mapping, suggested } = form;
  const targets = rows.map(({ target }) => target);
  const names = [...new Set([...known.required, ...Object.keys(mapping.constants)])].filter(
    (name) => !targets.includes(name) || Object.hasOwn(mapping.constants, name),
  );
  const free = Object.keys(known.columns).filter(
    (name) => !targets.includes(name) && !names.includes(name),
  );
  /** @type {(name: string, value: string) => void} */
  const set = (name, value) => {
    const { [name]: _, ...constants } = mapping.constants;
    if (value.trim()) constants[name] = value.trim();
    onChange({ mapping: { ...mapping, constants }, suggested });
  };
  const added = useSignal("");
  const shown = added.value && !names.includes(added.value) ? [...names, added.value] : names;
  return html`<div class="columns">
    ${shown.map(
      (name) => html`<${Field} key=${name} label=${html`<${ColumnName} of=${name} /> in every row`}
        value=${mapping.constants[name] ?? ""} autocomplete="off"
        onChange=${(/** @type {{ currentTarget: HTMLInputElement }} */ { currentTarget }) => set(name, currentTarget.value)} />`,
    )}
    <${Field} as="select" label="Same value in every row" value=""
      onInput=${(/** @type {string} */ name) => (added.value = name)}>
      <option value="">Choose a column…</option>
      ${free.map((name) => html`<option value=${name}>${describeColumn(name)}</option>`)}
    <//>
  </div>`;
}

/** @param {{ kind: ImportKind, form: ColumnsForm & { dates: Dates }, onChange: OnColumns }} props */
function SavedMappings({ kind, form, onChange }) {
  const saved = useLoad((signal) => api.get("import-mappings/", { limit: 100 }, { signal }), []);
  const packs = useLoad(loadPacks, []);
  const name = useSignal("");
  const problem = useSignal(/** @type {Failure | null} */ (null));
  const offered = Object.keys(packs.value ?? {}).filter((key) => packs.value?.[key].kind === kind);
  const entries = saved.value?.results.filter((entry) => entry.kind === kind) ?? [];
  /** @type {(act: () => Promise<void>) => Promise<void>} */
  const attempt = async (act) => {
    problem.value = null;
    try {
      await act();
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
  };
  const use = (/** @type {string} */ chosen) =>
    attempt(async () => {
      if (!chosen) return;
      const [source, named] = chosen.split(":");
      const found = source === "pack" ? packs.value?.[named] : undefined;
      const {
        columns = {},
        constants = {},
        values = {},
        dates,
      } = found ?? (await api.get(`import-mappings/${named}/`));
      name.value = named;
      const mapping = { columns, constants, values };
      onChange({ mapping, suggested: [], ...(dates ? { dates } : {}) });
      announce(`Mapping ${named} is used`);
    });
  const save = () =>
    attempt(async () => {
      const dates = form.dates === "iso" ? null : form.dates;
      await api.put(`import-mappings/${name.value}/`, { kind, ...form.mapping, dates });
      announce(`Mapping ${name.value} saved`);
      await saved.reload();
    });
  const isNamed = /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name.value);
  return html`<div class="columns">
    <${Field} as="select" label="Saved mapping" value="" onInput=${use}>
      <option value="">${entries.length || offered.length ? "Choose a mapping…" : "None saved"}</option>
      ${entries.map((entry) => html`<option value="saved:${entry.name}">${entry.name}</option>`)}
      ${
        offered.length > 0 &&
        html`<optgroup label="Exports of other systems">
          ${offered.map((key) => html`<option value="pack:${key}">${key}</option>`)}
        </optgroup>`
      }
    <//>
    <${Field} label="Save this mapping as" value=${name.value} autocomplete="off" spellcheck="false"
      placeholder="old-shop" hint="Lower-case letters, digits, dots and hyphens"
      onInput=${(/** @type {string} */ text) => (name.value = text)} />
    <div class="row"><${Button} plain scope="imports:write" onPress=${save}
      disabled=${!isNamed || isEmptyMapping(form.mapping)}>
      ${entries.some((entry) => entry.name === name.value) ? "Replace mapping" : "Save mapping"}<//></div>
    ${problem.value && html`<${ErrorLine} what="The mapping is not saved" problem=${problem.value} />`}
  </div>`;
}

/**
 * The migration packs by name, which are the mappings of docs/migrations.
 *
 * @type {(signal: AbortSignal) => Promise<Record<string, Mapping & { kind: ImportKind, dates?: Dates }>>}
 */
const loadPacks = async (signal) =>
  (await fetch(new URL("packs.json", import.meta.url), { signal })).json();

/**
 * The columns of a checked file; null while they are unknown.
 *
 * @type {(result: import("../csv/check_worker.js").Result) => (ShownHeader & { suggested: Record<string, string> }) | null}
 */
export function headerOf(result) {
  if (!result.error) {
    const { columns, names, samples, suggested } = result;
    return { columns, names, samples, suggested, similar: result.similar.map((s) => s.column) };
  }
  return result.header ? { ...result.header, similar: [] } : null;
}

/** The mapping to send; undefined if it changes nothing. */
export const sentMapping = (/** @type {Mapping} */ mapping) =>
  isEmptyMapping(mapping) ? undefined : mapping;

export { createMapping };
