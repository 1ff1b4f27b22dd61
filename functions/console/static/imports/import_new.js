// A new import: choose a file, check it, upload it.

/** @import { ImportKind } from "../api/types.ts" */
/** @import { ImportOptions } from "../api/upload.js" */
/** @import { Checking, Result } from "../csv/check_worker.js" */
/** @import { Checked } from "../csv/file_check.js" */
/** @import { Mapping } from "../csv/mapping.js" */
/** @import { Kind, Rules } from "../csv/rules.js" */
/** @import { PageQuery } from "../parts/types.ts" */
/** @import { Upload } from "./upload_button.js" */
import { useEffect, useRef } from "preact/hooks";
import { effect, useSignal } from "@preact/signals";
import { Download } from "../parts/buttons.js";
import { startCheck } from "../csv/check_worker.js";
import { loadRules, validateCell } from "../csv/rules.js";
import { openWithFile, takeFile, useDrop } from "../parts/drop.js";
import { Checkbox, Field } from "../parts/fields.js";
import { formatCount, formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { FileDrop, validateFile } from "./file_drop.js";
import { CheckedFile } from "./import_check.js";
import { Columns, createMapping, headerOf, sentMapping } from "./import_mapping.js";
import { KINDS, REQUIRED } from "./import_states.js";
import { announce, Notice, Page } from "../parts/parts.js";
import { link } from "../parts/route.js";
import { key } from "../api/session.js";
import { UploadButton, useUpload } from "./upload_button.js";

/**
 * @typedef {object} ImportForm
 * @property {File | null} file
 * @property {"" | NonNullable<ImportOptions["encoding"]>} encoding
 * @property {NonNullable<ImportOptions["dates"]>} dates
 * @property {Mapping} mapping
 * @property {string[]} suggested headers of the mapping that are suggestions
 * @property {boolean} offered whether the suggestions for this file are in the mapping
 * @property {string} sheet of a workbook; "" for the first one
 * @property {boolean} dry_run
 * @property {NonNullable<ImportOptions["on_error"]>} on_error
 * @property {NonNullable<ImportOptions["unknown_columns"]>} unknown_columns
 * @property {NonNullable<ImportOptions["on_existing"]>} on_existing
 * @property {NonNullable<ImportOptions["on_missing"]>} on_missing
 * @property {NonNullable<ImportOptions["keys"]>} keys
 * @property {string} external_id
 */

/**
 * The state of the form of each kind. Survives navigation, but not sign-out.
 *
 * @type {Partial<Record<ImportKind, ImportForm>>}
 */
let forms = {};
effect(() => {
  if (!key.value) forms = {};
});

/** @type {() => ImportForm} */
const createForm = () => ({
  file: null,
  encoding: "",
  dates: "iso",
  mapping: createMapping(),
  suggested: [],
  offered: false,
  sheet: "",
  dry_run: false,
  on_error: "skip_row",
  unknown_columns: "check",
  on_existing: "keep",
  on_missing: "create",
  keys: "require",
  external_id: "",
});

/** @param {{ kind: ImportKind, query: PageQuery }} props */
export function NewImport({ kind, query }) {
  forms[kind] ??= createForm();
  const form = useSignal(forms[kind]);
  const result = useSignal(/** @type {Checking | Result | null} */ (null));
  const error = useSignal("");
  const checkCount = useSignal(1);
  const upload = useUpload(kind);
  const { file, encoding, dates, mapping, sheet, keys } = form.value;
  const header = useSignal(/** @type {ReturnType<typeof headerOf>} */ (null));
  const known = useSignal(/** @type {Kind | null} */ (null));
  const rules = useRef(/** @type {Rules["kinds"] | null} */ (null));
  /** @type {(changes: Partial<ImportForm>) => void} */
  const change = (changes) => {
    form.value = { ...form.value, ...changes, external_id: crypto.randomUUID() };
    forms[kind] = form.value;
  };
  /** @type {(chosen: File) => void} */
  const choose = (chosen) => {
    error.value = validateFile(chosen);
    const reset = createForm();
    change({
      file: error.value ? null : chosen,
      encoding: reset.encoding,
      dates: reset.dates,
      mapping: reset.mapping,
      suggested: reset.suggested,
      offered: reset.offered,
      sheet: reset.sheet,
      unknown_columns: reset.unknown_columns,
    });
    if (error.value) announce(error.value);
  };
  /** @type {import("./fault_groups.js").OnReplace} */
  const replace = ({ name }, value, replacement) => {
    const column = { ...mapping.values[name], [value.trim()]: replacement };
    change({ mapping: { ...mapping, values: { ...mapping.values, [name]: column } } });
  };
  /** @type {import("./fault_groups.js").Validate} */
  const validate = ({ name }, replacement) =>
    (known.value && validateCell(name, replacement, { ...known.value, dates })?.message) ?? "";
  useDrop(choose);
  useEffect(() => {
    const dropped = takeFile();
    if (dropped) choose(dropped);
  }, []);
  useEffect(() => {
    result.value = null;
    if (!file) return undefined;
    if (!form.value.offered) header.value = null;
    let isStopped = false;
    /** @type {(current: Checking | Result, kinds?: Rules["kinds"]) => void} */
    const show = (current, kinds) => {
      if (isStopped) return;
      result.value = current;
      if (current.done) header.value = headerOf(current);
      known.value = kinds?.[kind] ?? null;
      if (current.done && kinds && !form.value.offered && header.value) {
        const { suggested } = header.value;
        const names = Object.keys(suggested);
        change({ offered: true });
        if (names.length) {
          const columns = { ...mapping.columns, ...suggested };
          change({ mapping: { ...mapping, columns }, suggested: names });
          return;
        }
      }
      if (current.done)
        announce(
          current.error
            ? current.error.message
            : `Checked: ${formatCount(current.rows, "row")}, ${current.faulty} with errors`,
        );
    };
    const stop = startCheck(file, kind, { encoding, dates, mapping, sheet, keys }, (current) => {
      if (!current.done) show(current, rules.current ?? undefined);
      // Shown together with the columns, so that these move nothing.
      else
        loadRules().then(
          ({ kinds }) => {
            rules.current = kinds;
            show(current, kinds);
          },
          () => show(current),
        );
    });
    return () => {
      isStopped = true;
      stop();
    };
  }, [file, encoding, dates, mapping, sheet, keys, checkCount.value]);
  const { one } = KINDS[kind];
  const { corrects } = query;
  const back = corrects
    ? { href: link(`imports/${kind}/${corrects}`), text: `Import ${corrects}` }
    : { href: link("imports"), text: "Imports" };
  return html`<${Page} title=${corrects ? `Correct import ${corrects}` : `Import ${one}s`} back=${back}
    lead="Your file is checked in the browser before upload.">
    <${FileDrop} file=${file} onFile=${choose}
      actions=${html`<${Download} path="import-templates/${kind}.csv">Download template<//>`}>
      ${REQUIRED[kind]}
    <//>
    ${file && !corrects && html`<div class="file-format"><${KindOf} kind=${kind} file=${file} /></div>`}
    ${
      error.value &&
      html`<${Notice} kind="error" title="Can’t import this file"><p>${error.value}</p><//>`
    }
    ${
      file &&
      header.value &&
      known.value &&
      html`<${Columns} ...${{ kind, known: known.value, header: header.value, form: form.value, onChange: change }}
        open=${Boolean(result.value?.done && result.value.error)} />`
    }
    ${
      file &&
      html`<${CheckedFile} file=${file} result=${result.value} encoding=${encoding}
      onEncoding=${(/** @type {ImportForm["encoding"]} */ chosen) => change({ encoding: chosen })}
      onSheet=${(/** @type {string} */ chosen) => change({ sheet: chosen })}
      dates=${dates} onDates=${(/** @type {ImportForm["dates"]} */ chosen) => change({ dates: chosen })}
      onRetry=${() => (checkCount.value += 1)} onReplace=${replace} validate=${validate} />`
    }
    ${
      (result.value?.done || upload.share !== null) &&
      html`<${Options} ...${{ kind, change, upload, corrects }} form=${form.value} result=${result.value} />`
    }
  <//>`;
}

/**
 * What the rows of the file are, and the choice of another kind for the same file.
 *
 * @param {{ kind: ImportKind, file: File }} props
 */
function KindOf({ kind, file }) {
  const open = (/** @type {ImportKind} */ other) => openWithFile(other, file);
  return html`<${Field} as="select" label="Each row is a" value=${kind} onInput=${open}>
    ${Object.entries(KINDS).map(([each, { one }]) => html`<option value=${each}>${one}</option>`)}
  <//>`;
}

/**
 * Shown below the result of the check and only after it, so that it does not move.
 *
 * @param {{
 *   kind: ImportKind,
 *   form: ImportForm,
 *   result: Checking | Result | null,
 *   change: (changes: Partial<ImportForm>) => void,
 *   upload: Upload,
 *   corrects?: string,
 * }} props
 */
function Options({ kind, form, result, change, upload, corrects }) {
  const { unknown_columns } = form;
  const complete = result?.done && !result.error ? result : null;
  const hasSimilar = complete !== null && complete.similar.length > 0;
  const checked = complete && complete.rows > 0 ? complete : null;
  const obstacle = checked && findObstacle(form, checked);
  const ready = checked && !obstacle && !(hasSimilar && unknown_columns === "check");
  const send = async () => {
    const { file, external_id, dry_run, on_error, encoding, dates } = form;
    if (!file) return;
    /** @type {ImportOptions} */
    const options = { external_id, dry_run, on_error, unknown_columns, dates };
    options.on_existing = form.on_existing;
    options.on_missing = form.on_missing;
    options.keys = form.keys;
    options.mapping = sentMapping(form.mapping);
    if (encoding) options.encoding = encoding;
    if (corrects) options.corrects = Number(corrects);
    const outcome = await upload.send((result?.done && result.workbook?.csv) || file, options);
    if (outcome === "cancelled") change({});
    if (outcome === "sent") forms[kind] = createForm();
  };
  return html`<article>
    <h2>Import options</h2>
    <${RecordOptions} ...${{ kind, form, change }} />
    <div class="columns">
      <${Field} as="select" label="If some rows have errors" value=${form.on_error}
        onInput=${(/** @type {ImportForm["on_error"]} */ on_error) => change({ on_error })}
        hint="You can fix rows with errors after the import in either case.">
        <option value="skip_row">Skip them</option>
        <option value="reject_all">Import nothing</option>
      <//>
      <${Checkbox} label="Dry run" checked=${form.dry_run} onChange=${(/** @type {boolean} */ dry_run) => change({ dry_run })}
        hint="Validate everything without saving." />
    </div>
    ${
      hasSimilar &&
      html`<${Checkbox} label="Ignore columns that may be misspelled"
        checked=${unknown_columns === "ignore"}
        onChange=${(/** @type {boolean} */ on) => change({ unknown_columns: on ? "ignore" : "check" })} />`
    }
    ${obstacle && html`<p class="soft">${obstacle}</p>`}
    <${UploadButton} upload=${upload} onSend=${send} ready=${ready}>
      ${checked ? describeAction(form, checked) : "Import file"}<//>
  </article>`;
}

/** @param {{ kind: ImportKind, form: ImportForm, change: (changes: Partial<ImportForm>) => void }} props */
function RecordOptions({ kind, form, change }) {
  return html`<div class="columns">
    <${Field} as="select" label="If a record already exists" value=${form.on_existing}
      onInput=${(/** @type {ImportForm["on_existing"]} */ on_existing) => change({ on_existing })}
      hint=${form.on_existing === "update" && UPDATE_HINT}>
      <option value="keep">Keep it</option>
      <option value="update">Update it</option>
      <option value="refuse">Report an error</option>
    <//>
    <${Field} as="select" label="New rows" value=${form.on_missing}
      onInput=${(/** @type {ImportForm["on_missing"]} */ on_missing) => change({ on_missing })}>
      <option value="create">Create</option>
      <option value="refuse">Report an error</option>
    <//>
    ${
      kind === "licenses" &&
      html`<${Field} as="select" label="Licenses without a key" value=${form.keys}
        onInput=${(/** @type {ImportForm["keys"]} */ keys) => change({ keys })}
        hint=${form.keys === "generate" && KEYS_HINT}>
        <option value="require">Report an error</option>
        <option value="generate">Generate a key</option>
      <//>`
    }
  </div>`;
}

const KEYS_HINT = "Download results.csv after the import: it has the keys.";
const UPDATE_HINT = html`Blank cells keep the record’s value; <code>\\N</code> clears it.`;

/**
 * Why no row would be imported, or "". Unknown for a large file, which is not checked to its end.
 *
 * @type {(form: ImportForm, result: Checked) => string}
 */
function findObstacle({ dry_run, on_error }, { rows, faulty, cut }) {
  if (dry_run || !faulty || cut) return "";
  if (faulty === rows)
    return "No rows can be imported: all of them have errors. Fix the file and choose it again.";
  return on_error === "reject_all"
    ? `Nothing would be imported: ${formatCount(faulty, "row has errors", "rows have errors")}. Skip them, or fix the file.`
    : "";
}

/** @type {(form: ImportForm, result: Checked) => string} */
function describeAction({ dry_run, on_error }, { rows, faulty, cut }) {
  if (cut) return dry_run ? "Validate file" : "Import file";
  if (dry_run) return `Validate ${formatCount(rows, "row")}`;
  const skip = faulty > 0 && on_error === "skip_row";
  return `Import ${formatCount(skip ? rows - faulty : rows, "row")}${skip ? `, skip ${formatNumber(faulty)}` : ""}`;
}
