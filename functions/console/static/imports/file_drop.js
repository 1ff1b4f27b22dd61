// Where a file is chosen or dropped.

/** @import { Children } from "../parts/types.ts" */
import { useRef } from "preact/hooks";
import { LARGEST } from "../api/upload.js";
import { dragged } from "../parts/drop.js";
import { formatSize } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { Icon } from "../parts/icons.js";

/**
 * Why a file can't be imported, without reading it; "" if it may be valid.
 *
 * @type {(file: File) => string}
 */
export function validateFile(file) {
  if (/\.(xls|xlsb|ods|numbers)$/i.test(file.name))
    return `${file.name} is a spreadsheet of another format. Save it as .xlsx, or the sheet as “CSV UTF-8”, and choose that file.`;
  if (!/\.(csv|xls[xm])$/i.test(file.name))
    return `${file.name} does not end in .csv or .xlsx. Export the table as CSV and choose that file.`;
  if (!file.size) return `${file.name} is empty. Choose a file with a header and rows.`;
  if (file.size > LARGEST)
    return `${file.name} is ${formatSize(file.size)}. The limit is 5 TB: split the file.`;
  return "";
}

/**
 * `children` are shown below the name of the file, `actions` next to the button.
 *
 * @param {{
 *   file: File | null,
 *   onFile: (file: File) => void,
 *   children: Children,
 *   actions?: Children,
 * }} props
 */
export function FileDrop({ file, onFile, children, actions }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {{ currentTarget: HTMLInputElement }} event */
  const choose = ({ currentTarget }) => {
    const file = currentTarget.files?.[0];
    if (file) onFile(file);
    currentTarget.value = "";
  };
  return html`<section class="drop" data-over=${dragged.value ? "" : undefined}
    data-small=${file ? "" : undefined}>
    <${Icon} name="up" />
    <div>
      <label for="file">${
        file
          ? html`<strong>${file.name}</strong> <span class="soft">${formatSize(file.size)}</span>`
          : "Drag a CSV or Excel file here or browse"
      }</label>
      <p class="soft">${children}</p>
    </div>
    <input id="file" class="visually-hidden" type="file" accept=".csv,.xlsx,.xlsm,text/csv" tabindex="-1" ref=${input}
      onChange=${choose} />
    <div class="actions">
      <button type="button" class="plain" onClick=${() => input.current?.click()}>
        ${file ? "Choose another file" : "Choose a file"}</button>
      ${actions}
    </div>
  </section>`;
}
