// One order with its licenses, and the passwords that are shown once after it was placed.
import { effect, signal } from "@preact/signals";
import * as api from "./api.js";
import { CopyButton, Download } from "./fields.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Loaded, Notice, Page, Table, count, when } from "./parts.js";
import { Buyer, LICENSE_COLUMNS, marks } from "./records.js";
import { link } from "./route.js";
import { key } from "./session.js";

/** What the API answered to the order placed last, which nobody can ask for again. */
export const placed = signal(null);
effect(() => {
  if (!key.value) placed.value = null;
});

export function Order({ id }) {
  const order = useLoad((signal) => api.get(`orders/${id}/`, {}, { signal }), [id]);
  const keyed = order.value?.order_items.some(({ licenses }) =>
    licenses.some((lic) => lic.license_key),
  );
  return html`<${Page} title=${order.value?.store_id ?? "Order"}
    back=${{ href: link("orders"), text: "Orders" }}
    actions=${keyed && html`<${Download} path="orders/${id}/export/">Export licenses<//>`}>
    ${String(placed.value?.id) === id && html`<${JustPlaced} order=${placed.value} />`}
    <${Loaded} from=${order} rows=${6}>${(value) => html`<${Whole} order=${value} />`}<//>
  <//>`;
}

function JustPlaced({ order: { order_licenses, new_passwords } }) {
  const what = `The order is placed with ${count(order_licenses.length, "license")}`;
  return html`<${Notice} kind="success" title=${what}>
    ${
      new_passwords.length > 0 &&
      html`<p>These are the first passwords of new users. They are shown here now, and
        never again.</p>
      <dl class="secrets">
        ${new_passwords.map(
          ({ email, new_password: password }) => html`<dt>${email}</dt>
            <dd><code>${password}</code> <${CopyButton} text=${password}
              what="Copy the password of ${email}" /></dd>`,
        )}
      </dl>`
    }
  <//>`;
}

function Whole({ order }) {
  return html`<div class="stack">
    <dl class="card">
      <dt>Customer</dt>
      <dd>${order.customer ? html`<${Buyer} customer=${order.customer} />` : "None"}</dd>
      <dt>Placed</dt>
      <dd>${when(order.created_at)} ${marks(order)}</dd>
      ${order.reference && html`<dt>Reference</dt><dd>${order.reference}</dd>`}
      ${order.language && html`<dt>Language</dt><dd>${order.language}</dd>`}
      ${
        Object.keys(order.metadata).length > 0 &&
        html`<dt>Metadata</dt><dd><code>${JSON.stringify(order.metadata)}</code></dd>`
      }
    </dl>
    <${Rest} order=${order} />
    ${order.order_items.map((item) => html`<${Item} key=${item.id} item=${item} />`)}
  </div>`;
}

/** A large order comes with its first licenses alone. */
function Rest({ order: { order_items: items, licenses_count: all, store_id: id } }) {
  const shown = items.reduce((sum, { licenses }) => sum + licenses.length, 0);
  return (
    shown < all &&
    html`<p>First ${shown} of ${count(all, "license")}. <a
      href=${link("licenses", { order_store_id: id })}>Show all</a></p>`
  );
}

function Item({ item }) {
  const keys = [...new Set(item.licenses.map((lic) => lic.license_key).filter(Boolean))];
  return html`<section>
    <div class="row apart heading">
      <h2>${item.licenses[0]?.product?.product_name ?? item.product_code} <span
        class="soft">${count(item.licenses.length, "license")}</span></h2>
      ${keys.length > 1 && html`<${CopyKeys} keys=${keys} />`}
    </div>
    ${item.note && html`<p class="soft">${item.note}</p>`}
    <${Table} caption="Licenses of ${item.product_code}" columns=${LICENSE_COLUMNS}
      rows=${item.licenses} />
  </section>`;
}

const CopyKeys = ({ keys }) => html`<span class="soft">All ${keys.length} keys
  <${CopyButton} text=${keys.join("\n")} what="Copy all ${keys.length} keys" /></span>`;
