// An order with its licenses, and right after it was placed the initial passwords of new users.

/** @import { Signal } from "@preact/signals" */
/** @import { License, Order as OrderRecord, OrderItem, PlacedOrder } from "../api/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import { effect, signal } from "@preact/signals";
import * as api from "../api/api.js";
import { CopyButton, Download, LinkButton } from "../parts/buttons.js";
import { DeleteButton } from "../parts/delete_button.js";
import { formatCount, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Loaded, Notice, Page, Table } from "../parts/parts.js";
import { useSelection } from "./license_table.js";
import { CustomerLink, LICENSE_COLUMNS, orderBadges } from "./records.js";
import { link } from "../parts/route.js";
import { hasScope, key } from "../api/session.js";

/**
 * The response to the last placed order: passwords in it can't be requested again.
 *
 * @type {Signal<PlacedOrder | null>}
 */
export const placedOrder = signal(null);
effect(() => {
  if (!key.value) placedOrder.value = null;
});

/** @param {{ id: string }} props */
export function Order({ id }) {
  const order = useLoad((signal) => api.get(`orders/${id}/`, {}, { signal }), [id]);
  const hasKeys = order.value?.order_items.some(({ licenses }) =>
    licenses.some((license) => license.license_key),
  );
  return html`<${Page} title=${order.value?.store_id ?? "Order"}
    back=${{ href: link("orders"), text: "Orders" }}
    actions=${html`
      ${hasKeys && html`<${Download} path="orders/${id}/export/">Export licenses<//>`}
      ${
        order.value &&
        order.value.licenses_count > 0 &&
        html`<${LinkButton} scope="orders:write" plain
          to=${link("orders/new", { order: id })}>Order again<//>`
      }
      ${order.value?.licenses_count === 0 && hasScope("orders:write") && html`<${DeleteOrder} order=${order.value} />`}
    `}>
    ${String(placedOrder.value?.id) === id && html`<${PlacedNotice} order=${placedOrder.value} />`}
    <${Loaded} from=${order} rows=${6}>${(/** @type {OrderRecord} */ value) => html`<${Details} order=${value} reload=${order.reload} />`}<//>
  <//>`;
}

/** @param {{ order: OrderRecord }} props */
const DeleteOrder = ({ order: { id, store_id: storeId } }) => html`<${DeleteButton} what="order"
  path="orders/${id}/safe_delete/" typed=${storeId} back="orders"
  text="The order has no licenses. It can’t be restored, and its ID can be used again." />`;

/** @param {{ order: PlacedOrder }} props */
function PlacedNotice({ order: { order_licenses, new_passwords } }) {
  const title = `Order placed – ${formatCount(order_licenses.length, "license")} issued`;
  return html`<${Notice} kind="success" title=${title}>
    ${
      new_passwords.length > 0 &&
      html`<p>Initial passwords for new users. Copy them now – they won’t be shown again.</p>
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

/** @param {{ order: OrderRecord, reload: () => Promise<void> }} props */
function Details({ order, reload }) {
  const licenses = order.order_items.flatMap((item) => item.licenses);
  const { of, actions } = useSelection(licenses.filter(isWhole), reload);
  return html`<div class="stack">
    <dl class="card">
      <dt>Customer</dt>
      <dd>${order.customer ? html`<${CustomerLink} customer=${order.customer} />` : "None"}</dd>
      <dt>Placed</dt>
      <dd>${formatTime(order.created_at)} ${orderBadges(order)}</dd>
      ${order.reference && html`<dt>Reference</dt><dd>${order.reference}</dd>`}
      ${order.language && html`<dt>Language</dt><dd>${order.language}</dd>`}
      ${
        Object.keys(order.metadata).length > 0 &&
        html`<dt>Metadata</dt><dd><code>${JSON.stringify(order.metadata)}</code></dd>`
      }
    </dl>
    ${order.licenses_count === 0 && html`<p class="soft">All licenses of this order were deleted.</p>`}
    <${MoreLicenses} order=${order} />
    ${order.order_items.map((item) => html`<${Item} key=${item.id} item=${item} of=${of} />`)}
    ${actions}
  </div>`;
}

/**
 * The API returns a large order with its first licenses only.
 *
 * @param {{ order: OrderRecord }} props
 */
function MoreLicenses({ order: { order_items: items, licenses_count: total, store_id: id } }) {
  const shown = items.reduce((sum, { licenses }) => sum + licenses.length, 0);
  return (
    shown < total &&
    html`<p>First ${shown} of ${formatCount(total, "license")}. <a
      href=${link("licenses", { order_store_id: id })}>Show all licenses</a></p>`
  );
}

/**
 * Whether a license is complete: a large order has the terms of its first ones only.
 *
 * @type {(license: AnyLicense) => license is License}
 */
const isWhole = (license) => "license_type" in license;

/** @param {{ item: OrderItem, of: ReturnType<typeof useSelection>["of"] }} props */
function Item({ item, of }) {
  /** @type {AnyLicense | undefined} */
  const first = item.licenses[0];
  const keys = [...new Set(item.licenses.map((license) => license.license_key).filter(Boolean))];
  return html`<section>
    <div class="row apart heading">
      <h2>${first?.product?.product_name ?? item.product_code} <span
        class="soft">${formatCount(item.licenses.length, "license")}</span></h2>
      ${keys.length > 1 && html`<${CopyKeys} keys=${keys} />`}
    </div>
    ${item.note && html`<p class="soft">${item.note}</p>`}
    <${Table} caption="Licenses of ${item.product_code}" columns=${LICENSE_COLUMNS}
      rows=${item.licenses}
      selection=${item.licenses.every(isWhole) && of(item.licenses, `Select all licenses of ${item.product_code}`)}
      to=${(/** @type {AnyLicense} */ { id }) => link(`licenses/${id}`)} />
  </section>`;
}

/** @param {{ keys: string[] }} props */
const CopyKeys = ({ keys }) => html`<span class="soft">Copy all ${keys.length} keys
  <${CopyButton} text=${keys.join("\n")} what="Copy all ${keys.length} keys" /></span>`;
