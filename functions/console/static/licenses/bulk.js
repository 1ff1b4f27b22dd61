// Change the licenses that are selected in a list, all or none, or export them.

/** @import { Failure, License } from "../api/types.ts" */
/** @import { Children } from "../parts/types.ts" */
/** @import { Step } from "./extend.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, Download } from "../parts/buttons.js";
import { confirm, Dialog } from "../parts/dialogs.js";
import { formatCount, formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Notice } from "../parts/parts.js";
import { licenseTitle } from "../pages/records.js";
import { link } from "../parts/route.js";
import { hasScope } from "../api/session.js";
import { extendLicense, STEPS } from "./extend.js";
import { failedLicenses } from "./failures.js";
import { formatEnd, today } from "./extend_dialog.js";

/** @typedef {{ license: License, message: string }} Failed */

/** Licenses that the API changes or exports at once. */
const MOST = 100;

/**
 * `elsewhere` is the number of selected licenses that are not on this page. `onChanged` reloads the
 * list, `onClear` empties the selection.
 *
 * @param {{
 *   licenses: License[],
 *   elsewhere: number,
 *   onChanged: () => Promise<void>,
 *   onClear: () => void,
 * }} props
 */
export function BulkActions({ licenses, elsewhere, onChanged, onClear }) {
  const error = useSignal(/** @type {Failure | null} */ (null));
  const failed = useSignal(/** @type {Failed[]} */ ([]));
  const done = useSignal("");
  const extending = useSignal(false);
  const busy = useSignal(false);
  const count = formatCount(licenses.length, "license");
  /**
   * Send a change and reload the licenses. No other change starts until then: it would be computed
   * from the values before this one.
   *
   * @param {License[]} sent
   * @param {() => Promise<unknown>} send
   * @param {string} text
   */
  const change = async (sent, send, text) => {
    [error.value, failed.value, done.value, extending.value] = [null, [], "", false];
    busy.value = true;
    try {
      await send();
      done.value = text;
      announce(text);
    } catch (thrown) {
      const problem = /** @type {Failure} */ (thrown);
      failed.value = failedLicenses(problem.faults ?? [], sent);
      error.value = problem;
    }
    await onChanged().finally(() => (busy.value = false));
  };
  const disable = async () => {
    const text = "They will be rejected at their next check. You can re-enable them any time.";
    const action = `Disable ${count}`;
    if (!(await confirm({ title: `Disable ${count}?`, text, action }))) return;
    const ids = licenses.map(({ id }) => id);
    await change(licenses, () => api.post("licenses/disable_bulk/", ids), `${count} disabled`);
  };
  const enable = () => {
    const body = licenses.map(({ id }) => ({ id, enabled: true }));
    return change(licenses, () => api.patch("licenses/bulk_update/", body), `${count} enabled`);
  };
  const isWriter = hasScope("orders:write");
  const dismiss = html`<button type="button" class="plain" onClick=${() => {
    [error.value, done.value] = [null, ""];
  }}>Dismiss</button>`;
  return html`<div class="bulk-area">
    ${done.value && html`<${Notice} kind="success" title=${done.value}>${dismiss}<//>`}
    ${
      error.value && html`<${Failures} problem=${error.value} failed=${failed.value}>${dismiss}<//>`
    }
    ${
      licenses.length > 0 &&
      html`<section class="bulk" aria-label="Selected licenses">
        <strong role="status">${formatNumber(licenses.length)} selected${
          elsewhere > 0 &&
          html` <span class="soft">${formatNumber(elsewhere)} on other pages</span>`
        }</strong>
        ${
          licenses.length > MOST
            ? html`<span>Select at most ${MOST} licenses to change or export them at once</span>`
            : html`${
                isWriter
                  ? html`<${Button} plain disabled=${busy.value} onPress=${() => (extending.value = true)}>Extend<//>
              <${Button} plain disabled=${busy.value} onPress=${enable}>Enable<//>
              <${Button} plain danger disabled=${busy.value} onPress=${disable}>Disable<//>`
                  : html`<small class="soft">Your key lacks <code>orders:write</code></small>`
              }
        <${Download} path="licenses/export/"
          query=${{ id__in: licenses.map(({ id }) => id).join(",") }}>Export CSV<//>`
        }
        <button type="button" class="plain" onClick=${onClear}>Clear selection</button>
      </section>`
    }
    ${
      extending.value &&
      html`<${ExtendDialog} licenses=${licenses} onExtend=${change}
        onClose=${() => (extending.value = false)} />`
    }
  </div>`;
}

/** @param {{ problem: Failure, failed: Failed[], children: Children }} props */
function Failures({ problem, failed, children }) {
  if (!failed.length)
    return html`<${Notice} kind="error" title="No license was changed"
      problem=${problem}>${children}<//>`;
  return html`<${Notice} kind="error" title="No license was changed">
    <ul>${failed.map(
      ({ license, message }) => html`<li><a
        href=${link(`licenses/${license.id}`)}>License ${licenseTitle(license)}</a>: ${message}</li>`,
    )}</ul>
    ${problem.requestId && html`<p class="soft">Request ID: ${problem.requestId}</p>`}
    ${children}
  <//>`;
}

/**
 * @param {{
 *   licenses: License[],
 *   onExtend: (sent: License[], send: () => Promise<unknown>, text: string) => Promise<void>,
 *   onClose: () => void,
 * }} props
 */
function ExtendDialog({ licenses, onExtend, onClose }) {
  const step = useSignal(/** @type {Step} */ (STEPS[1]));
  const day = today();
  const rows = licenses.map((license) => ({
    license,
    extension: extendLicense(license, day, step.value.months),
  }));
  const sent = rows.flatMap(({ license, extension }) =>
    extension ? [{ license, extension }] : [],
  );
  const endless = rows.length - sent.length;
  const extend = () => {
    const body = sent.map(({ license: { id, updated_at: seen }, extension: { field, after } }) => ({
      id,
      [field]: after,
      updated_at: seen,
    }));
    const text = `${formatCount(sent.length, "license")} extended by ${step.value.label}`;
    const changed = sent.map(({ license }) => license);
    return onExtend(changed, () => api.patch("licenses/bulk_update/", body), text);
  };
  return html`<${Dialog} title="Extend ${formatCount(licenses.length, "license")}" onClose=${onClose}>
    <fieldset class="choices"><legend>Extend by</legend>${STEPS.map(
      (each) => html`<label key=${each.label}><input type="radio" name="step"
        checked=${each === step.value} autofocus=${each === step.value} onChange=${() => (step.value = each)} />${each.label}</label>`,
    )}</fieldset>
    ${
      endless > 0 &&
      html`<p class="soft">${formatCount(endless, "license")} without an end will not be changed.</p>`
    }
    ${
      sent.length > 0 &&
      html`<div class="scroll ends" role="region" aria-label="New ends" tabindex="0"><table>
      <thead><tr><th scope="col">License</th><th scope="col">New end</th></tr></thead>
      <tbody>${sent.map(
        ({ license, extension }) => html`<tr key=${license.id}>
          <th scope="row">${licenseTitle(license)}</th>
          <td>${formatEnd(extension, extension.before)} → <strong>${formatEnd(extension, extension.after)}</strong>${
            extension.late && html` <span class="soft">from today</span>`
          }</td></tr>`,
      )}</tbody></table></div>`
    }
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      <${Button} disabled=${!sent.length} onPress=${extend}>Extend ${formatCount(sent.length, "license")}<//>
    </footer>
  <//>`;
}
