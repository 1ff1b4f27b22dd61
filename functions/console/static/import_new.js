// A new import: choose a file, check it, send it.
import { useEffect, useRef } from "preact/hooks";
import { effect, useSignal } from "@preact/signals";
import { dragged, takeHanded, useDrop } from "./drop.js";
import { CheckedFile } from "./import_check.js";
import { Button, Check, Download, Field } from "./fields.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { KINDS } from "./import_words.js";
import { count, Notice, number, Page, say, size } from "./parts.js";
import { link } from "./route.js";
import { SendButton, useSending } from "./sending.js";
import { key } from "./session.js";
import { LARGEST } from "./upload.js";
import { lookThrough } from "./worker.js";

/** What was chosen of each kind, kept while one looks at other pages, until one signs out. */
let kept = {};
effect(() => {
  if (!key.value) kept = {};
});

const fresh = () => ({
  file: null,
  encoding: "",
  dry_run: false,
  on_error: "skip_row",
  unknown_columns: "check",
  external_id: "",
});

export function NewImport({ kind, query }) {
  const form = useSignal((kept[kind] ??= fresh()));
  const found = useSignal(null);
  const wrong = useSignal("");
  const checks = useSignal(1);
  const sending = useSending(kind);
  const { file, encoding } = form.value;
  const change = (changes) => {
    form.value = kept[kind] = { ...form.value, ...changes, external_id: crypto.randomUUID() };
  };
  const choose = (chosen) => {
    wrong.value = unfit(chosen);
    change({ file: wrong.value ? null : chosen, encoding: "", unknown_columns: "check" });
    if (wrong.value) say(wrong.value);
  };
  useDrop(choose);
  useEffect(() => {
    const dropped = takeHanded();
    if (dropped) choose(dropped);
  }, []);
  useEffect(() => {
    found.value = null;
    if (!file) return undefined;
    return lookThrough(file, kind, encoding, (told) => {
      found.value = told;
      if (told.done)
        say(
          told.refusal
            ? told.refusal.message
            : `Checked: ${count(told.rows, "row")}, ${told.faulty} with errors`,
        );
    });
  }, [file, encoding, checks.value]);
  const { title, one } = KINDS[kind];
  const { corrects } = query;
  const back = corrects
    ? { href: link(`imports/${kind}/${corrects}`), text: `Import ${corrects}` }
    : { href: link(`imports/${kind}`), text: title };
  return html`<${Page} title=${corrects ? `Correct import ${corrects}` : `Import ${one}s`} back=${back}
    lead="Your file is checked in the browser before upload.">
    <${Drop} file=${file} kind=${kind} onFile=${choose} />
    ${
      wrong.value &&
      html`<${Notice} kind="error" title="Can't import this file"><p>${wrong.value}</p><//>`
    }
    ${
      file &&
      html`<${CheckedFile} file=${file} found=${found.value} encoding=${encoding}
      onEncoding=${(chosen) => change({ encoding: chosen })}
      again=${() => (checks.value += 1)} />`
    }
    ${
      (found.value?.done || sending.share !== null) &&
      html`<${Send} ...${{ kind, change, sending, corrects }} form=${form.value} found=${found.value} />`
    }
  <//>`;
}

function unfit(file) {
  if (/\.(xlsx?|xlsm|ods|numbers)$/i.test(file.name))
    return `${file.name} is a spreadsheet. Save the sheet as “CSV UTF-8” and choose that file.`;
  if (!/\.csv$/i.test(file.name))
    return `${file.name} does not end in .csv. Export the table as CSV and choose that file.`;
  if (!file.size) return `${file.name} is empty.`;
  if (file.size > LARGEST)
    return `${file.name} has ${size(file.size)}. The limit is 5 TB: split the file.`;
  return "";
}

function Drop({ file, kind, onFile }) {
  const input = useRef(null);
  const pick = ({ currentTarget }) => {
    if (currentTarget.files[0]) onFile(currentTarget.files[0]);
    currentTarget.value = "";
  };
  return html`<section class="drop" data-over=${dragged.value ? "" : undefined}
    data-small=${file ? "" : undefined}>
    <${Icon} name="up" />
    <div>
      <label for="file">${
        file
          ? html`<strong>${file.name}</strong> <span class="soft">${size(file.size)}</span>`
          : "Drag a CSV here or browse"
      }</label>
      <p class="soft">${REQUIRED[kind]}</p>
    </div>
    <input id="file" class="unseen" type="file" accept=".csv,text/csv" tabindex="-1" ref=${input}
      onChange=${pick} />
    <div class="actions">
      <button type="button" class="plain" onClick=${() => input.current.click()}>
        ${file ? "Choose another" : "Choose a file"}</button>
      <${Download} path="import-templates/${kind}.csv">Template<//>
    </div>
  </section>`;
}

const REQUIRED = {
  licenses: html`Required: <code>license__license_key</code>, <code>product__short_code</code>`,
  customers: html`No required columns; customers are matched by <code>email</code>.`,
  "license-features": html`Required: <code>license_key</code>, <code>code</code>`,
};

/** Below everything that is found in the file, and not before it is, so that nothing moves it. */
function Send({ kind, form, found, change, sending, corrects }) {
  const { unknown_columns } = form;
  const asks = found?.similar?.length > 0;
  const checked = found?.done && !found.refusal && found.rows > 0;
  const none = checked && noneOf(form, found);
  const ready = checked && !none && !(asks && unknown_columns === "check");
  const send = async () => {
    const { file, external_id, dry_run, on_error, encoding } = form;
    const options = { external_id, dry_run, on_error, unknown_columns };
    if (encoding) options.encoding = encoding;
    if (corrects) options.corrects = Number(corrects);
    const end = await sending.send(file, options);
    if (end === "stopped") change({});
    if (end === "sent") kept[kind] = fresh();
  };
  return html`<article>
    <h2>Import options</h2>
    <div class="columns">
      <${Field} as="select" label="If some rows have errors" value=${form.on_error}
        onInput=${(on_error) => change({ on_error })}
        hint="You can fix rows with errors after the import in either case.">
        <option value="skip_row">Skip them</option>
        <option value="reject_all">Import nothing</option>
      <//>
      <${Check} label="Test run" checked=${form.dry_run} onChange=${(dry_run) => change({ dry_run })}
        hint="Validate everything without saving." />
    </div>
    ${
      asks &&
      html`<${Check} label="Ignore columns that may be misspelled"
        checked=${unknown_columns === "ignore"}
        onChange=${(leave) => change({ unknown_columns: leave ? "ignore" : "check" })} />`
    }
    ${none && html`<p class="soft">${none}</p>`}
    <${SendButton} sending=${sending} onSend=${send} ready=${ready}>
      ${checked ? actionOf(form, found) : "Import the file"}<//>
  </article>`;
}

/** Why nothing of the file would be imported, if so. A large file is not checked to its end. */
function noneOf({ dry_run, on_error }, { rows, faulty, cut }) {
  if (dry_run || !faulty || cut) return "";
  if (faulty === rows) return "No row can be imported: all of them have errors.";
  return (
    on_error === "reject_all" &&
    `Nothing would be imported: ${count(faulty, "row has errors", "rows have errors")}. Skip them, or fix the file.`
  );
}

function actionOf({ dry_run, on_error }, { rows, faulty, cut }) {
  if (cut) return dry_run ? "Test the file" : "Import the file";
  if (dry_run) return `Test ${count(rows, "row")}`;
  const skip = faulty > 0 && on_error === "skip_row";
  return `Import ${count(skip ? rows - faulty : rows, "row")}${skip ? `, skip ${number(faulty)}` : ""}`;
}
