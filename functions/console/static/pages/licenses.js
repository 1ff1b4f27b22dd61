// The list of licenses, and a license with buttons to disable and enable it.

/** @import { FilterField } from "../forms/filters.js" */
/** @import { Answer, Failure, Grant, License as LicenseRecord, Query } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, LinkButton } from "../parts/buttons.js";
import { productFilter, useProducts } from "./catalog.js";
import { confirm } from "../parts/dialogs.js";
import { activeFilters, Filters } from "../forms/filters.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Badge, Empty, Loaded, Notice, Page, Pager, Table } from "../parts/parts.js";
import { CustomerLink, LICENSE_COLUMNS, LicenseHolder, LicenseStatus } from "./records.js";
import { link } from "../parts/route.js";
import { formatTerm, groupsFor, TYPES } from "./terms.js";

const LIMIT = 25;
/** @type {FilterField<keyof Query<"licenses/">>[]} */
const FIELDS = [
  { name: "license_key", label: "License key", secret: true, spellcheck: false },
  { name: "customer_email", label: "Customer email", type: "email" },
  { name: "order_store_id", label: "Order ID" },
];
/** @type {Column<AnyLicense>[]} */
const COLUMNS = LICENSE_COLUMNS.toSpliced(1, 0, {
  head: "Customer",
  wide: true,
  cell: ({ customer }) => (customer ? html`<${CustomerLink} customer=${customer} />` : "–"),
});

/** @param {{ parts: string[], query: PageQuery }} props */
export function Licenses({ parts: [id], query }) {
  return id ? html`<${License} key=${id} id=${id} />` : html`<${LicenseList} query=${query} />`;
}

/** @param {{ query: PageQuery }} props */
function LicenseList({ query }) {
  const products = useProducts();
  const filters = activeFilters("licenses", query);
  const licenses = useLoad(
    (signal) => api.get("licenses/", { ...filters, limit: LIMIT }, { signal }),
    [JSON.stringify(filters)],
  );
  return html`<${Page} title="Licenses" lead="All licenses from orders and imports">
    <${Filters} path="licenses" fields=${[...FIELDS, productFilter(products)]} query=${query}
      action="Search licenses" />
    <${Loaded} from=${licenses} rows=${8}>
      ${(/** @type {Answer<"get", "licenses/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Licenses" columns=${COLUMNS} rows=${page.results}
            busy=${licenses.loading} />
            <${Pager} page=${page} path="licenses" query=${query} limit=${LIMIT}
              nouns=${["license"]} />`
          : html`<${NoLicenses} filtered=${Object.keys(filters).length > 0} />`}
    <//>
  <//>`;
}

/** @param {{ filtered: boolean }} props */
const NoLicenses = ({ filtered }) =>
  filtered
    ? html`<${Empty} icon="search" title="No matching licenses">
        <p>Search needs the complete key, email or order ID. Keys are case-sensitive. <a href=${link("licenses")}>Show all licenses</a></p>
      <//>`
    : html`<${Empty} icon="licenses" title="No licenses yet">
        <p>Licenses are issued by orders, or imported from a file.</p>
        <${LinkButton} scope="orders:write" to=${link("orders/new")}>New order<//>
        <${LinkButton} scope="imports:write" plain
          to=${link("imports/licenses/new")}>Import licenses<//>
      <//>`;

/** @param {{ id: string }} props */
function License({ id }) {
  const license = useLoad((signal) => api.get(`licenses/${id}/`, {}, { signal }), [id]);
  const error = useSignal(/** @type {Failure | null} */ (null));
  const shown = license.value;
  const toggle = async () => {
    if (!shown) return;
    const text = "It will be rejected at its next check. You can re-enable it any time.";
    if (
      shown.enabled &&
      !(await confirm({ title: "Disable this license?", text, action: "Disable license" }))
    )
      return;
    error.value = null;
    try {
      await api.post(`licenses/${id}/${shown.enabled ? "disable" : "enable"}/`);
      announce(shown.enabled ? "License disabled" : "License enabled");
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem);
    }
    await license.reload();
  };
  return html`<${Page} title=${shown ? `${shown.product.product_name} license` : "License"}
    back=${{ href: link("licenses"), text: "Licenses" }}
    actions=${
      shown &&
      html`<${Button} plain scope="orders:write" danger=${shown.enabled}
      onPress=${toggle}>${shown.enabled ? "Disable license" : "Enable license"}<//>`
    }>
    ${error.value && html`<${Notice} kind="error" problem=${error.value} />`}
    <${Loaded} from=${license} rows=${8}>${(/** @type {LicenseRecord} */ value) => html`<${Details} license=${value} />`}<//>
  <//>`;
}

/** @param {{ license: LicenseRecord }} props */
function Details({ license }) {
  return html`<div class="stack">
    <dl class="card">
      <dt>${license.license_key ? "Key" : "Users"}</dt><dd><${LicenseHolder} license=${license} /></dd>
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
        license.customer
          ? html`<${CustomerLink}
        customer=${license.customer} />`
          : "None"
      }</dd>
      <dt>Order</dt><dd><a href=${link(`orders/${license.order}`)}>${license.order_store_id}</a></dd>
      <dt>Issued</dt><dd>${formatTime(license.created_at)}</dd>
      ${license.note && html`<dt>Note</dt><dd>${license.note}</dd>`}
      ${license.subscription_id && html`<dt>Subscription</dt><dd>${license.subscription_id}</dd>`}
    </dl>
    <section class="card"><h2>Terms</h2><${Terms} of=${license} /></section>
    ${
      license.product_features.length > 0 &&
      html`<section>
      <h2>Features</h2>
      <${Table} caption="Features" columns=${FEATURES} rows=${license.product_features} />
    </section>`
    }
  </div>`;
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
