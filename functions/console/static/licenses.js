// Licenses: found by key, customer, order or product; looked at; switched off and on.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { ofProduct, useProducts } from "./catalog.js";
import { Action, Button, confirm } from "./fields.js";
import { Find, sought } from "./find.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Badge, Empty, Loaded, Notice, Page, Pager, Table, number, say, when } from "./parts.js";
import { Buyer, Holder, LICENSE_COLUMNS, Status } from "./records.js";
import { link } from "./route.js";
import { TYPES, groupsFor, inWords } from "./terms.js";

const LIMIT = 25;
const FIELDS = [
  { name: "license_key", label: "License key", secret: true, spellcheck: false },
  { name: "customer_email", label: "Customer email", type: "email" },
  { name: "order_store_id", label: "Order ID" },
];
const COLUMNS = LICENSE_COLUMNS.toSpliced(1, 0, {
  head: "Customer",
  wide: true,
  cell: ({ customer }) => (customer ? html`<${Buyer} customer=${customer} />` : "–"),
});

export function Licenses({ parts: [id], query }) {
  return id ? html`<${License} key=${id} id=${id} />` : html`<${LicenseList} query=${query} />`;
}

function LicenseList({ query }) {
  const products = useProducts();
  const wanted = sought("licenses", query);
  const licenses = useLoad(
    (signal) => api.get("licenses/", { ...wanted, limit: LIMIT }, { signal }),
    [JSON.stringify(wanted)],
  );
  return html`<${Page} title="Licenses" lead="All licenses from orders and imports">
    <${Find} path="licenses" fields=${[...FIELDS, ofProduct(products)]} query=${query} />
    <${Loaded} from=${licenses} rows=${8}>
      ${(page) =>
        page.results.length
          ? html`<${Table} caption="Licenses" columns=${COLUMNS} rows=${page.results}
            busy=${licenses.loading} />
            <${Pager} page=${page} path="licenses" query=${query} limit=${LIMIT} />`
          : html`<${Nothing} searched=${Object.keys(wanted).length > 0} />`}
    <//>
  <//>`;
}

const Nothing = ({ searched }) =>
  searched
    ? html`<${Empty} icon="search" title="No matching licenses">
        <p>Search needs the complete key, email or order ID. Keys are case-sensitive. <a href=${link("licenses")}>Show all licenses</a></p>
      <//>`
    : html`<${Empty} icon="licenses" title="No licenses yet">
        <p>Licenses are issued by orders, or imported from a file.</p>
        <${Action} scope="orders:write" to=${link("orders/new")}>New order<//>
        <${Action} scope="imports:write" plain
          to=${link("imports/licenses/new")}>Import licenses<//>
      <//>`;

function License({ id }) {
  const license = useLoad((signal) => api.get(`licenses/${id}/`, {}, { signal }), [id]);
  const failed = useSignal(null);
  const lic = license.value;
  const turn = async () => {
    const text = "It will be rejected at its next check. You can re-enable it any time.";
    if (
      lic.enabled &&
      !(await confirm({ title: "Disable this license?", text, action: "Disable license" }))
    )
      return;
    failed.value = null;
    try {
      await api.post(`licenses/${id}/${lic.enabled ? "disable" : "enable"}/`);
      say(lic.enabled ? "The license is disabled" : "The license is enabled");
    } catch (problem) {
      failed.value = problem;
    }
    await license.reload();
  };
  return html`<${Page} title=${lic ? `${lic.product.product_name} license` : "License"}
    back=${{ href: link("licenses"), text: "Licenses" }}
    actions=${lic && html`<${Button} plain scope="orders:write" danger=${lic.enabled}
      onPress=${turn}>${lic.enabled ? "Disable" : "Enable"}<//>`}>
    ${failed.value && html`<${Notice} kind="error" problem=${failed.value} />`}
    <${Loaded} from=${license} rows=${8}>${(value) => html`<${Whole} license=${value} />`}<//>
  <//>`;
}

function Whole({ license: lic }) {
  return html`<div class="stack">
    <dl class="card">
      <dt>${lic.license_key ? "Key" : "Users"}</dt><dd><${Holder} license=${lic} /></dd>
      <dt>Status</dt><dd><${Status} of=${lic.status} />${lic.time_disabled && !lic.enabled &&
        html` <span class="soft">since ${when(lic.time_disabled)}</span>`}</dd>
      <dt>Product</dt><dd><a
        href=${link(`products/${lic.product.id}`)}>${lic.product.product_name}</a> <span
        class="soft">under <a
        href=${link(`policies/${lic.license_template}`)}>${lic.policy_code}</a></span></dd>
      <dt>Customer</dt><dd>${lic.customer ? html`<${Buyer}
        customer=${lic.customer} />` : "None"}</dd>
      <dt>Order</dt><dd><a href=${link(`orders/${lic.order}`)}>${lic.order_store_id}</a></dd>
      <dt>Issued</dt><dd>${when(lic.created_at)}</dd>
      ${lic.note && html`<dt>Note</dt><dd>${lic.note}</dd>`}
      ${lic.subscription_id && html`<dt>Subscription</dt><dd>${lic.subscription_id}</dd>`}
    </dl>
    <section class="card"><h2>Terms</h2><${Terms} of=${lic} /></section>
    ${
      lic.product_features.length > 0 &&
      html`<section>
      <h2>Features</h2>
      <${Table} caption="Features" columns=${FEATURES} rows=${lic.product_features} />
    </section>`
    }
  </div>`;
}

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
        ? `${number(grant.total_consumptions)} of ${number(grant.max_consumption)}`
        : "–",
  },
  { head: "Ends", wide: true, cell: (grant) => when(grant.expiry_date) },
];

/** All that holds, the type's own terms first; a plain "no" and a plain 0 need no words. */
function Terms({ of: lic }) {
  const said = groupsFor(lic.license_type, lic.license_key ? "license-key" : "user")
    .flatMap(({ terms }) => terms)
    .filter(
      ({ name }) =>
        lic[name] && !(name === "floating_timeout" && !lic.is_floating && !lic.is_floating_cloud),
    );
  const days = [
    ["Starts on", lic.start_date],
    ["Ends on", lic.validity_period],
    ["Maintained until", lic.maintenance_period],
  ];
  return html`<dl>
    <dt>Type</dt><dd>${TYPES[lic.license_type]} ${lic.is_trial && html`<${Badge}
      tone="wait">Trial<//>`}</dd>
    ${days.filter(([, day]) => day).map(([title, day]) =>
      html`<dt>${title}</dt><dd>${when(day)}</dd>`)}
    ${said.map((term) =>
      html`<dt>${term.label}</dt><dd>${inWords(term, lic[term.name])}
        ${term.name === "valid_duration" && " from activation"}</dd>`)}
  </dl>`;
}
