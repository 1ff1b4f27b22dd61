// A license: its terms, features and users, each with a form in its place.

/** @import { Signal } from "@preact/signals" */
/** @import { Answer, Failure, Grant, License as LicenseRecord, Product } from "../api/types.ts" */
/** @import { Children, Column } from "../parts/types.ts" */
/** @import { Part } from "./license_forms.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { hasScope } from "../api/session.js";
import { Button } from "../parts/buttons.js";
import { DeleteButton } from "../parts/delete_button.js";
import { confirm } from "../parts/dialogs.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Badge, Loaded, Notice, Page, Table } from "../parts/parts.js";
import { CustomerLink, LicenseHolder, LicenseStatus } from "../pages/records.js";
import { link } from "../parts/route.js";
import { formatTerm, groupsFor, TYPES } from "../pages/terms.js";
import { ExtendDialog, isExtendable } from "./extend_dialog.js";
import { DetailsForm, FeaturesForm, isEdited, TermsForm } from "./license_forms.js";
import { Users } from "./license_users.js";
import { PolicyDialog } from "./policy_dialog.js";

const MAX_USERS = 100;

/** @typedef {{ title: string, lines: Children[] }} Result what a change has done */
/** @typedef {Answer<"get", "license-users/">} UserPage */
/** @typedef {{ license: LicenseRecord, product: Product, users: UserPage | null }} Loading */

/** @param {{ id: string }} props */
export function License({ id }) {
  const loaded = useLoad((signal) => load(id, signal), [id]);
  const saved = useSignal(/** @type {LicenseRecord | null} */ (null));
  const error = useSignal(/** @type {Failure | null} */ (null));
  const result = useSignal(/** @type {Result | null} */ (null));
  const dialog = useSignal("");
  const shown = newer(saved.value, loaded.value?.license ?? null);
  const reload = async () => {
    saved.value = await api.get(`licenses/${id}/`);
    return saved.value;
  };
  /** @type {(license: LicenseRecord, done?: Result) => void} */
  const show = (changed, done) => {
    saved.value = changed;
    result.value = done ?? null;
    error.value = null;
    dialog.value = "";
  };
  const toggle = async () => {
    if (!shown) return;
    const text = "It will be rejected at its next check. You can re-enable it any time.";
    if (
      shown.enabled &&
      !(await confirm({ title: "Disable this license?", text, action: "Disable license" }))
    )
      return;
    try {
      show(await api.post(`licenses/${id}/${shown.enabled ? "disable" : "enable"}/`));
      announce(shown.enabled ? "License disabled" : "License enabled");
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem);
      await loaded.reload();
    }
  };
  const open = (/** @type {string} */ name) => () => (dialog.value = name);
  const close = () => (dialog.value = "");
  const isWriter = hasScope("orders:write");
  const actions =
    shown &&
    html`${
      isWriter &&
      html`${isExtendable(shown) && html`<${Button} onPress=${open("extend")}>Extend<//>`}
      <${Button} plain onPress=${open("policy")}>Apply policy<//>`
    }
    <${Button} plain scope="orders:write" danger=${shown.enabled}
      onPress=${toggle}>${shown.enabled ? "Disable license" : "Enable license"}<//>
    ${isWriter && html`<${DeleteLicense} license=${shown} />`}`;
  return html`<${Page} title=${shown ? `${shown.product.product_name} license` : "License"}
    back=${{ href: link("licenses"), text: "Licenses" }} actions=${actions}>
    ${error.value && html`<${Notice} kind="error" problem=${error.value} />`}
    ${
      result.value &&
      html`<${Notice} kind="success" title=${result.value.title}>
        <ul>${result.value.lines.map((line) => html`<li>${line}</li>`)}</ul>
      <//>`
    }
    <${Loaded} from=${loaded} rows=${8}>
      ${(/** @type {Loading} */ { product, users }) =>
        shown &&
        html`<${Details} license=${shown} product=${product} users=${users} reload=${reload}
          reloadUsers=${loaded.reload} onSaved=${show} />`}
    <//>
    ${
      shown &&
      dialog.value === "extend" &&
      html`<${ExtendDialog} license=${shown} reload=${reload} onDone=${show} onClose=${close} />`
    }
    ${
      shown &&
      dialog.value === "policy" &&
      html`<${PolicyDialog} license=${shown} reload=${reload} onDone=${show} onClose=${close} />`
    }
  <//>`;
}

/** @param {{ license: LicenseRecord }} props */
function DeleteLicense({ license }) {
  const { id, license_key: licenseKey, license_users: users } = license;
  const uses = licenseKey
    ? "Its key can be used again for another license."
    : users.length > 0
      ? "Its users are unassigned and kept."
      : "";
  return html`<${DeleteButton} what="license" path="licenses/${id}/" back="licenses"
    typed=${licenseKey ? licenseKey.slice(-4) : String(id)}
    text="It is removed from its order permanently, and can’t be restored. ${uses} To keep it, disable it instead." />`;
}

/**
 * A license with its product and the users assigned to it: the page is shown at once, so that nothing
 * moves.
 *
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Loading>}
 */
async function load(id, signal) {
  const license = await api.get(`licenses/${id}/`, {}, { signal });
  const [product, users] = await Promise.all([
    api.get(`products/${license.product.id}/`, {}, { signal }),
    license.license_key
      ? null
      : api.get("license-users/", { license: license.id, limit: MAX_USERS }, { signal }),
  ]);
  return { license, product, users };
}

/**
 * The version that was changed last: what was loaded, or the response to a change.
 *
 * @type {(one: LicenseRecord | null, other: LicenseRecord | null) => LicenseRecord | null}
 */
const newer = (one, other) =>
  one && other && one.id === other.id && one.updated_at > other.updated_at ? one : other;

/**
 * @typedef {{
 *   license: LicenseRecord,
 *   product: Product,
 *   reload: () => Promise<LicenseRecord>,
 *   onSaved: (license: LicenseRecord) => void,
 * }} Props
 */

/** @param {Props & { users: UserPage | null, reloadUsers: () => Promise<void> }} props */
function Details({ users, reloadUsers, ...props }) {
  const { license } = props;
  return html`<div class="stack">
    <dl class="card">
      <dt>${license.license_key ? "Key" : "Users"}</dt><dd>${
        license.license_key
          ? html`<${LicenseHolder} license=${license} />`
          : formatNumber(license.license_users.length)
      }</dd>
      <dt>Status</dt><dd><${LicenseStatus} of=${license.status} />${
        license.time_disabled &&
        !license.enabled &&
        html` <span class="soft">since ${formatTime(license.time_disabled)}</span>`
      }</dd>
      <dt>Product</dt><dd><a
        href=${link(`products/${license.product.id}`)}>${license.product.product_name}</a> <span
        class="soft">· policy: <a
        href=${link(`policies/${license.license_template}`)}>${license.policy_code}</a></span></dd>
      <dt>Customer</dt><dd>${
        license.customer ? html`<${CustomerLink} customer=${license.customer} />` : "None"
      }</dd>
      <dt>Order</dt><dd><a href=${link(`orders/${license.order}`)}>${license.order_store_id}</a></dd>
      <dt>Issued</dt><dd>${formatTime(license.created_at)}</dd>
      ${
        license.updated_at !== license.created_at &&
        html`<dt>Changed</dt><dd>${formatTime(license.updated_at)}</dd>`
      }
    </dl>
    <${Section} ...${props} part="terms" title="Terms" form=${TermsForm}>
      <${Terms} of=${license} />
    <//>
    ${users && html`<${Users} license=${license} users=${users} reload=${reloadUsers} />`}
    <${FeatureSection} ...${props} />
    <${Section} ...${props} part="details" title="Note and metadata" form=${DetailsForm}>
      <${Notes} of=${license} />
    <//>
  </div>`;
}

/**
 * A card that turns into its form.
 *
 * @param {Props & {
 *   part: Part,
 *   title: string,
 *   form: (props: any) => unknown,
 *   children: Children,
 * }} props
 */
function Section({ part, title, form, children, ...props }) {
  const { license } = props;
  const editing = useSignal(isEdited(part, license.id) && hasScope("orders:write"));
  const close = () => (editing.value = false);
  const onSaved = (/** @type {LicenseRecord} */ changed) => {
    close();
    props.onSaved(changed);
  };
  return html`<section class="card">
    <div class="row apart heading"><h2>${title}</h2>
      ${
        hasScope("orders:write") &&
        !editing.value &&
        html`<button type="button" class="plain" aria-label="Edit ${title.toLowerCase()}"
          onClick=${() => (editing.value = true)}>Edit</button>`
      }
    </div>
    ${editing.value ? html`<${form} ...${props} onSaved=${onSaved} onCancel=${close} />` : children}
  </section>`;
}

/** @param {Props} props */
function FeatureSection(props) {
  const { product_features: grants } = props.license;
  if (!grants.length && !props.product.product_features.length) return null;
  return html`<${Section} ...${props} part="features" title="Features" form=${FeaturesForm}>
    ${
      grants.length
        ? html`<${Table} caption="Features" columns=${FEATURES} rows=${grants} />`
        : html`<p class="soft">None.</p>`
    }
  <//>`;
}

/** @param {{ of: LicenseRecord }} props */
function Notes({ of: { note, subscription_id: subscription, metadata } }) {
  const hasMetadata = Object.keys(metadata).length > 0;
  if (!note && !subscription && !hasMetadata) return html`<p class="soft">None.</p>`;
  return html`<dl>
    ${note && html`<dt>Note</dt><dd class="lines">${note}</dd>`}
    ${subscription && html`<dt>Subscription ID</dt><dd>${subscription}</dd>`}
    ${hasMetadata && html`<dt>Metadata</dt><dd><code>${JSON.stringify(metadata)}</code></dd>`}
  </dl>`;
}

/** @type {Column<Grant>[]} */
const FEATURES = [
  {
    head: "Feature",
    cell: ({ product_feature: feature }) =>
      html`<a href=${link(`features/${feature.id}`)}>${feature.name}</a>`,
  },
  { head: "Code", kind: "code", cell: ({ product_feature: feature }) => feature.code },
  {
    head: "Uses",
    kind: "number",
    cell: (grant) =>
      grant.product_feature.feature_type === "consumption"
        ? `${formatNumber(grant.total_consumptions)} of ${formatNumber(grant.max_consumption)}`
        : "–",
  },
  { head: "Expires", wide: true, cell: (grant) => formatTime(grant.expiry_date) },
];

/**
 * The effective terms of the license's type, except those that are 0 or "no".
 *
 * @param {{ of: LicenseRecord }} props
 */
function Terms({ of: license }) {
  const isFloating = license.is_floating || license.is_floating_cloud;
  const shown = groupsFor(license.license_type, license.license_key ? "license-key" : "user")
    .flatMap(({ terms }) => terms)
    .filter(({ name }) => license[name] && (name !== "floating_timeout" || isFloating));
  const dates = [
    ["Starts on", license.start_date],
    ["Ends on", license.validity_period],
    ["Maintenance until", license.maintenance_period],
  ];
  return html`<dl>
    <dt>License type</dt><dd>${TYPES[license.license_type]} ${
      license.is_trial &&
      html`<${Badge}
      tone="wait">Trial<//>`
    }</dd>
    ${dates
      .filter(([, day]) => day)
      .map(([title, day]) => html`<dt>${title}</dt><dd>${formatTime(day)}</dd>`)}
    ${shown.map(
      (term) =>
        html`<dt>${term.label}</dt><dd>${formatTerm(term, license[term.name])}
        ${term.name === "valid_duration" && " from activation"}</dd>`,
    )}
  </dl>`;
}
