// Apply another policy to a license, and show what it changed.

/** @import { Failure, License, Policy } from "../api/types.ts" */
/** @import { Children, Option } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { useLoad } from "../api/load.js";
import { isConflict } from "../forms/edit.js";
import { Field } from "../parts/fields.js";
import { listAll } from "../pages/catalog.js";
import { formatTerm, summarizeTerms, TERMS } from "../pages/terms.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { Dialog } from "../parts/dialogs.js";
import { formatDay } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Loaded, Notice } from "../parts/parts.js";

/** @type {(value: unknown, format: (value: any) => string) => string} */
const orNone = (value, format) => (value == null || value === "" ? "none" : format(value));

/** @type {(license: License) => string} */
const featuresOf = ({ product_features: grants }) =>
  grants.map(({ product_feature: { code } }) => code).join(", ");

/**
 * The differences between two versions of a license, one line for each.
 *
 * @type {(before: License, after: License) => string[]}
 */
export function compareTerms(before, after) {
  const terms = TERMS.map((term) => ({
    label: term.label,
    values: [before[term.name], after[term.name]],
    format: (/** @type {unknown} */ value) => formatTerm(term, value),
  }));
  const others = [
    {
      label: "Ends on",
      values: [before.validity_period, after.validity_period],
      format: formatDay,
    },
    { label: "Features", values: [featuresOf(before), featuresOf(after)], format: String },
  ];
  return [...terms, ...others]
    .filter(({ values: [one, other] }) => one !== other)
    .map(
      ({ label, values: [one, other], format }) =>
        `${label}: ${orNone(one, format)} → ${orNone(other, format)}`,
    );
}

/**
 * @param {{
 *   license: License,
 *   reload: () => Promise<License>,
 *   onDone: (license: License, result: { title: string, lines: Children[] }) => void,
 *   onClose: () => void,
 * }} props
 */
export function PolicyDialog({ license, reload, onDone, onClose }) {
  const policies = useLoad((signal) => {
    const query = { product: license.product.short_code, is_archived: false };
    return listAll("license-templates/", query, { signal });
  });
  const chosen = useSignal("");
  const error = useSignal(/** @type {Failure | null} */ (null));
  const meanwhile = useSignal(/** @type {string[] | null} */ (null));
  const apply = async () => {
    [error.value, meanwhile.value] = [null, null];
    try {
      const body = { policy_code: chosen.value, updated_at: license.updated_at };
      const changed = await api.post(`licenses/${license.id}/apply_policy/`, body);
      const lines = compareTerms(license, changed);
      announce("Policy applied");
      const title = `Policy ${chosen.value} applied`;
      onDone(changed, { title, lines: lines.length ? lines : ["No term has changed."] });
    } catch (problem) {
      if (isConflict(problem)) {
        const current = await reload().catch(() => license);
        meanwhile.value = compareTerms(license, current);
      } else error.value = /** @type {Failure} */ (problem);
    }
  };
  /** @type {(all: Policy[]) => Option[]} */
  const options = (all) => [
    ["", "Choose a policy"],
    ...all.map(({ code, name }) => /** @type {Option} */ ([code, `${name} (${code})`])),
  ];
  return html`<${Dialog} title="Apply a policy" onClose=${onClose}>
    ${
      meanwhile.value &&
      html`<${Notice} kind="warning" title="Not applied: the license was changed meanwhile">
        <ul>${meanwhile.value.map((line) => html`<li>${line}</li>`)}</ul>
        <p>Apply the policy again to replace these values.</p><//>`
    }
    <${Loaded} from=${policies} rows=${2}>${(/** @type {Policy[]} */ all) => {
      const policy = all.find(({ code }) => code === chosen.value);
      return html`
        <p>The license gets the terms and features of the policy. Its type, key, order and users stay.</p>
        <${Field} as="select" label="Policy" value=${chosen.value}
          hint=${policy && (summarizeTerms(policy) || "Terms of the product")}
          onInput=${(/** @type {string} */ code) => (chosen.value = code)}>
          ${options(all).map(([code, text]) => html`<option key=${code} value=${code}>${text}</option>`)}
        <//>`;
    }}<//>
    ${error.value && html`<${ErrorLine} what="Not applied" problem=${error.value} />`}
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      <${Button} disabled=${!chosen.value} onPress=${apply}>Apply policy<//>
    </footer>
  <//>`;
}
