// Extend a license: a button for each step says what it writes.

/** @import { Failure, License } from "../api/types.ts" */
/** @import { Children } from "../parts/types.ts" */
/** @import { Extension } from "./extend.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { isConflict } from "../forms/edit.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { Dialog } from "../parts/dialogs.js";
import { formatDay } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Notice } from "../parts/parts.js";
import { formatDuration } from "../pages/terms.js";
import { extendLicense, extendMaintenance, STEPS } from "./extend.js";

/** Today in UTC, as the API and all lists have it. */
export const today = () => new Date().toISOString().slice(0, 10);

/** @type {(license: License) => boolean} */
export const isExtendable = (license) =>
  Boolean(extendLicense(license, today(), 1) || extendMaintenance(license, today(), 1));

/**
 * The end of a license or of its maintenance: a day, or a duration.
 *
 * @type {(extension: Extension, end: string) => string}
 */
export const formatEnd = ({ field }, end) =>
  field.endsWith("_period") ? formatDay(end) : `${formatDuration(end)} from activation`;

/**
 * @param {{
 *   license: License,
 *   reload: () => Promise<License>,
 *   onDone: (license: License, result: { title: string, lines: Children[] }) => void,
 *   onClose: () => void,
 * }} props
 */
export function ExtendDialog({ license, reload, onDone, onClose }) {
  const error = useSignal(/** @type {Failure | null} */ (null));
  const meanwhile = useSignal(false);
  const busy = useSignal(false);
  const extend = async (/** @type {Extension} */ extension) => {
    if (busy.value) return;
    [error.value, meanwhile.value, busy.value] = [null, false, true];
    const { field, before, after } = extension;
    try {
      const body = { [field]: after, updated_at: license.updated_at };
      const changed = await api.patch(`licenses/${license.id}/`, body);
      const line = `${formatEnd(extension, before)} → ${formatEnd(extension, after)}`;
      announce("License extended");
      const what = field.startsWith("maintenance") ? "Maintenance" : "License";
      onDone(changed, { title: `${what} extended`, lines: [line] });
    } catch (problem) {
      if (isConflict(problem)) {
        await reload().catch(() => {});
        meanwhile.value = true;
      } else error.value = /** @type {Failure} */ (problem);
    } finally {
      busy.value = false;
    }
  };
  const day = today();
  /**
   * @param {string} title
   * @param {typeof extendLicense} compute
   */
  const group = (title, compute) => {
    const now = compute(license, day, 1);
    if (!now) return null;
    return html`<section>
      <h3>${title}</h3>
      <p class="soft">Now: ${now.field.endsWith("_period") ? "until " : ""}${formatEnd(now, now.before)}${
        now.late && html`. It has ended, so it is extended from today`
      }</p>
      <ul class="choices">${STEPS.map(({ label, months }) => {
        const extension = compute(license, day, months);
        return (
          extension &&
          html`<li><${Button} plain busy=${busy.value}
            onPress=${() => extend(extension)}><strong>${label}</strong> <span
            class="soft">${formatEnd(extension, extension.after)}</span><//></li>`
        );
      })}</ul>
    </section>`;
  };
  return html`<${Dialog} title="Extend license" onClose=${onClose}>
    ${
      meanwhile.value &&
      html`<${Notice} kind="warning" title="Not extended: the license was changed meanwhile">
        <p>The dates below are up to date. Choose again.</p><//>`
    }
    ${error.value && html`<${ErrorLine} what="Not extended" problem=${error.value} />`}
    ${group("License", extendLicense)}
    ${group("Maintenance", extendMaintenance)}
    <footer><button type="button" class="plain" onClick=${onClose}>Cancel</button></footer>
  <//>`;
}
