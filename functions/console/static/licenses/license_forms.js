// Forms of a license: its terms, its note and metadata, and its features.

/** @import { Fault, Feature, License, Product } from "../api/types.ts" */
/** @import { Form, FieldFault } from "../forms/form.js" */
/** @import { EditDraft, Values } from "../forms/merge.js" */
/** @import { Option } from "../parts/types.ts" */
/** @import { Term } from "../pages/terms.js" */
import * as api from "../api/api.js";
import { fieldOf, Meanwhile, useEdit } from "../forms/edit.js";
import { Checkbox, Field } from "../parts/fields.js";
import { FormField, FormSelect, hasDraft, RecordForm } from "../forms/form.js";
import { checkMetadata, formatMetadata, MetadataField } from "../forms/metadata.js";
import { html } from "../parts/html.js";
import { announce } from "../parts/parts.js";
import { formatDay } from "../parts/formats.js";
import { TermFields } from "../pages/term_fields.js";
import { TERMS, toApiNumber, toApiValue, toFormTerms } from "../pages/terms.js";

/** @typedef {Form<EditDraft>} EditForm */

/**
 * `onSaved(license)` gets the license as it is stored, `reload` reads it.
 *
 * @typedef {{
 *   license: License,
 *   reload: () => Promise<License>,
 *   onSaved: (license: License) => void,
 *   onCancel: () => void,
 * }} Props
 */

const DATES = /** @type {const} */ (["validity_period", "start_date", "maintenance_period"]);
/** Terms that can have no value.
 *
 * @type {Set<string>}
 */
const OPTIONAL = new Set([
  ...["valid_duration", "trial_days", "maintenance_duration", "consumption_period"],
  ...DATES,
]);
/** @type {Option[]} */
const YES_NO = [
  ["yes", "Yes"],
  ["no", "No"],
];

/**
 * A form of some fields of a license. `check` returns faults before anything is sent.
 *
 * @param {Props & {
 *   name: Part,
 *   toValues: (license: License) => Values,
 *   toBody: (changed: Values, values: Values) => object,
 *   check?: (values: Values) => FieldFault[],
 *   locate?: (fault: Fault) => FieldFault,
 *   describe?: (value: unknown) => string,
 *   children: (form: EditForm) => unknown,
 * }} props
 */
function LicenseForm({ license, reload, onSaved, onCancel, name, toValues, toBody, ...rest }) {
  const { check, locate, describe, children } = rest;
  const { form, changes, save } = useEdit(draftOf(name, license.id), license, toValues);
  const submit = async () => {
    const faults = check?.(form.draft.peek().values) ?? [];
    if (faults.length) return form.showFaults(faults);
    /** @type {License | undefined} */
    let saved;
    await save(
      async (changed, seen, values) => {
        const body = { ...toBody(changed, values), updated_at: seen };
        saved = await api.patch(`licenses/${license.id}/`, body);
      },
      reload,
      locate,
    );
    if (!saved) return undefined;
    announce("License saved");
    return onSaved(saved);
  };
  return html`<${RecordForm} form=${form} action="Save changes" scope="orders:write" onSubmit=${submit}
    onCancel=${onCancel}
    notice=${html`<${Meanwhile} changes=${changes.value} describe=${describe} />`}>
    ${children(form)}
  <//>`;
}

/** @typedef {"terms" | "details" | "features"} Part the fields that a form changes */

/** @type {(name: Part, id: number) => string} */
const draftOf = (name, id) => `license ${name} ${id}`;

/**
 * Whether a form of a license has unsent changes.
 *
 * @type {(name: Part, id: number) => boolean}
 */
export const isEdited = (name, id) => hasDraft(draftOf(name, id));

/** @type {(license: License) => Values} */
const toTerms = (license) => ({
  ...toFormTerms(license),
  ...Object.fromEntries(DATES.map((name) => [name, license[name] ?? ""])),
  is_trial: license.is_trial ? "yes" : "no",
});

/** @type {(values: Values) => object} */
const toTermsBody = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const term = TERMS.find((each) => each.name === name);
      const text = /** @type {string} */ (value);
      if (name === "is_trial") return [name, text === "yes"];
      return [name, term ? toApiValue(term, text) : text || null];
    }),
  );

/** @type {(values: Values) => FieldFault[]} */
const checkTerms = (values) =>
  Object.entries(values)
    .filter(([name, value]) => value === "" && !OPTIONAL.has(name))
    .map(([name]) => ({ at: fieldOf(name), message: "Enter a value" }));

/**
 * The terms of the license's type; blank ones of another type are not required.
 *
 * @param {Props} props
 */
export function TermsForm(props) {
  const { license } = props;
  const method = license.license_key ? "license-key" : "user";
  return html`<${LicenseForm} ...${props} name="terms" toValues=${toTerms} toBody=${toTermsBody}
    check=${checkTerms}>
    ${(/** @type {EditForm} */ form) => html`
      <div class="columns">
        <${FormField} form=${form} name=${fieldOf("validity_period")} label="Ends on" type="date"
          hint="Replaces “Valid for”" />
        <${FormField} form=${form} name=${fieldOf("start_date")} label="Starts on" type="date" />
        <${FormField} form=${form} name=${fieldOf("maintenance_period")} label="Maintenance until"
          type="date" />
        <${FormSelect} form=${form} name=${fieldOf("is_trial")} label="Trial license"
          options=${YES_NO} />
      </div>
      <${TermFields} form=${form} prefix="values" type=${license.license_type} method=${method} />
    `}
  <//>`;
}

/** @type {(license: License) => Values} */
const toDetails = ({ note, subscription_id: subscription, metadata }) => ({
  note: note ?? "",
  subscription_id: subscription ?? "",
  metadata: formatMetadata(metadata),
});

/** @type {(values: Values) => object} */
const toDetailsBody = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(value).trim() || null]),
  );

/** @param {Props} props */
export const DetailsForm = (props) => html`<${LicenseForm} ...${props} name="details"
  toValues=${toDetails} toBody=${toDetailsBody} check=${checkMetadata}>
  ${(/** @type {EditForm} */ form) => html`
    <${FormField} form=${form} name=${fieldOf("note")} label="Note" as="textarea" rows="3" />
    <div class="columns">
      <${FormField} form=${form} name=${fieldOf("subscription_id")} label="Subscription ID"
        autocomplete="off" />
    </div>
    <${MetadataField} form=${form} />
  `}
<//>`;

/** @typedef {{ on: boolean, uses: string, expires: string }} GrantValues */

/**
 * The features of the product, and those that the license has besides.
 *
 * @type {(license: License, product: Product) => Feature[]}
 */
function featuresOf({ product_features: grants }, { product_features: features }) {
  const codes = new Set(features.map(({ code }) => code));
  const others = grants.map(({ product_feature: feature }) => feature);
  return [...features, ...others.filter(({ code }) => !codes.has(code))];
}

/** @type {(license: License, features: Feature[]) => Values} */
const toFeatures = ({ product_features: grants }, features) =>
  Object.fromEntries(
    features.map(({ code }) => {
      const grant = grants.find((each) => each.product_feature.code === code);
      const uses = grant && String(grant.max_consumption ?? "");
      return [code, { on: Boolean(grant), uses: uses ?? "", expires: grant?.expiry_date ?? "" }];
    }),
  );

/** @type {(value: unknown) => string} */
function describeGrant(value) {
  const { on, uses, expires } = /** @type {GrantValues} */ (value);
  if (!on) return "not included";
  return ["included", uses && `${uses} uses`, expires && `until ${formatDay(expires)}`]
    .filter(Boolean)
    .join(", ");
}

/** @param {Props & { product: Product }} props */
export function FeaturesForm({ product, ...props }) {
  const { license } = props;
  const features = featuresOf(license, product);
  const isMetered = (/** @type {string} */ code) =>
    features.some((each) => each.code === code && each.feature_type === "consumption");
  const toValues = (/** @type {License} */ current) => toFeatures(current, features);
  /** @type {string[]} */
  let sent = [];
  /** @type {(changed: Values, values: Values) => object} */
  const toBody = (changed, values) => {
    const granted = Object.entries(/** @type {Record<string, GrantValues>} */ (values)).filter(
      ([, { on }]) => on,
    );
    sent = granted.map(([code]) => code);
    return {
      product_features: granted.map(([code, { uses, expires }]) => {
        if (!(code in changed)) return { code };
        const most = isMetered(code) && uses.trim() ? { max_consumption: toApiNumber(uses) } : {};
        return { code, ...most, expiry_date: expires || null };
      }),
    };
  };
  /** @type {(fault: Fault) => FieldFault} */
  const locate = ({ pointer, message }) => ({
    at: fieldOf(sent[Number((pointer ?? "").split("/")[2])] ?? ""),
    message,
  });
  return html`<${LicenseForm} ...${props} name="features" toValues=${toValues} toBody=${toBody}
    locate=${locate} describe=${describeGrant}>
    ${(/** @type {EditForm} */ form) =>
      features.map(
        (feature) => html`<${GrantFields} key=${feature.code} form=${form} feature=${feature} />`,
      )}
  <//>`;
}

/** @param {{ form: EditForm, feature: Feature }} props */
function GrantFields({ form, feature: { code, name, feature_type: kind, active } }) {
  const field = fieldOf(code);
  /** @type {GrantValues} */
  const value = form.get(field);
  const set = (/** @type {Partial<GrantValues>} */ change) =>
    form.set(field, { ...form.get(field), ...change });
  const error = form.errorOf(field);
  return html`<div class="feature">
    <${Checkbox} label="${name} (${code})" checked=${value.on} data-field=${field}
      hint=${active ? undefined : "Disabled: can’t be added to licenses"}
      onChange=${(/** @type {boolean} */ on) => set({ on })} />
    ${
      value.on &&
      html`<div class="columns">
        ${
          kind === "consumption" &&
          html`<${Field} label="Uses of ${name}" inputmode="numeric" autocomplete="off"
          value=${value.uses} onInput=${(/** @type {string} */ uses) => set({ uses })} />`
        }
        <${Field} label="${name} expires on" type="date" value=${value.expires}
          onInput=${(/** @type {string} */ expires) => set({ expires })} />
      </div>`
    }
    ${error && html`<p class="wrong">${error}</p>`}
  </div>`;
}
