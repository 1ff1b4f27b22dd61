// A new import: choose a file, see what is wrong with it, send it.
import { useEffect, useRef } from "preact/hooks";
import { effect, useSignal } from "@preact/signals";
import { CheckedFile } from "./import_check.js";
import { Button, Check, Download, Field } from "./fields.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { KINDS } from "./import_words.js";
import { count, Notice, Page, say, size } from "./parts.js";
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

export function NewImport({ kind }) {
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
    if (!wrong.value) change({ file: chosen, encoding: "", unknown_columns: "check" });
    else say(wrong.value);
  };
  useEffect(() => {
    found.value = null;
    if (!file) return undefined;
    return lookThrough(file, kind, encoding, (told) => {
      found.value = told;
      if (told.done)
        say(
          told.refusal
            ? told.refusal.message
            : `Checked: ${count(told.rows, "row")}, ${told.faulty} faulty`,
        );
    });
  }, [file, encoding, checks.value]);
  const { title, one } = KINDS[kind];
  return html`<${Page} title="Import ${one}s" back=${{ href: link(`imports/${kind}`), text: title }}
    lead="A file is checked here before anything is sent.">
    <${Drop} file=${file} kind=${kind} onFile=${choose} />
    ${
      wrong.value &&
      html`<${Notice} kind="error" title="That file can't be imported"><p>${wrong.value}</p><//>`
    }
    ${
      file &&
      html`<${CheckedFile} file=${file} found=${found.value} encoding=${encoding}
      onEncoding=${(chosen) => change({ encoding: chosen })}
      again=${() => (checks.value += 1)} />`
    }
    ${
      (found.value?.done || sending.share !== null) &&
      html`<${Send} ...${{ kind, change, sending }} form=${form.value} found=${found.value} />`
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
  const over = useSignal(false);
  const input = useRef(null);
  const drop = (event) => {
    event.preventDefault();
    over.value = false;
    const [dropped] = event.dataTransfer.files;
    if (dropped) onFile(dropped);
  };
  const drag = (is) => (event) => {
    event.preventDefault();
    over.value = is;
  };
  const pick = ({ currentTarget }) => {
    if (currentTarget.files[0]) onFile(currentTarget.files[0]);
    currentTarget.value = "";
  };
  return html`<section class="drop" data-over=${over.value ? "" : undefined}
    data-small=${file ? "" : undefined} onDragOver=${drag(true)} onDragEnter=${drag(true)}
    onDragLeave=${drag(false)} onDrop=${drop}>
    <${Icon} name="up" />
    <div>
      <label for="file">${
        file
          ? html`<strong>${file.name}</strong> <span class="soft">${size(file.size)}</span>`
          : "Drop a .csv file here, or choose one"
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
  licenses: html`Required columns: <code>license__license_key</code> and
    <code>product__short_code</code>. The template has all of them.`,
  customers: html`No column is required; <code>email</code> tells customers apart. The template has
    all of them.`,
  "license-features": html`Required columns: <code>license_key</code> and <code>code</code>. The
    template has all of them.`,
};

/** Below all that is found in the file, and not before it is, so that nothing moves it. */
function Send({ kind, form, found, change, sending }) {
  const { unknown_columns } = form;
  const asks = found?.similar?.length > 0;
  const ready =
    found?.done &&
    !found.refusal &&
    found.rows > 0 &&
    !(asks && unknown_columns === "check");
  const send = async () => {
    const { file, external_id, dry_run, on_error, encoding } = form;
    const options = { external_id, dry_run, on_error, unknown_columns };
    if (encoding) options.encoding = encoding;
    const end = await sending.send(file, options);
    if (end === "stopped") change({});
    if (end === "sent") kept[kind] = fresh();
  };
  const them = found?.faulty === 1 ? "it" : "they";
  const out =
    form.on_error === "skip_row" ? `${them} will be left out` : "nothing would be imported";
  return html`<article>
    <h2>How to import it</h2>
    <div class="columns">
      <${Field} as="select" label="When a row is faulty" value=${form.on_error}
        onInput=${(on_error) => change({ on_error })}
        hint="Faulty rows can be corrected and sent again in either case.">
        <option value="skip_row">Import the other rows</option>
        <option value="reject_all">Import nothing</option>
      <//>
      <${Check} label="Dry run" checked=${form.dry_run} onChange=${(dry_run) => change({ dry_run })}
        hint="Count what an import would do, and write nothing." />
    </div>
    ${
      asks &&
      html`<${Check} label="Leave out columns that may be misspelled"
        checked=${unknown_columns === "ignore"}
        onChange=${(leave) => change({ unknown_columns: leave ? "ignore" : "check" })} />`
    }
    ${found?.faulty > 0 && html`<p class="soft">${count(found.faulty, "row")} ${
      found.faulty === 1 ? "looks" : "look"} faulty: ${out}.</p>`}
    <${SendButton} sending=${sending} onSend=${send} ready=${ready}>
      ${form.dry_run ? "Try" : "Import"} ${ready ? count(found.rows, "row") : "the file"}<//>
  </article>`;
}
