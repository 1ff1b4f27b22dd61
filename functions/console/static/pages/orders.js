// The list of orders, newest first.

/** @import { FilterField } from "../forms/filters.js" */
/** @import { Answer, Failure, Order as OrderRecord, Query } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, LinkButton } from "../parts/buttons.js";
import { Dialog } from "../parts/dialogs.js";
import { Field } from "../parts/fields.js";
import { checkFilters, Filters, RECORD_FILTERS, toApiQuery } from "../forms/filters.js";
import { formatCount, formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Lazy } from "../parts/lazy.js";
import { Order } from "./order.js";
import { announce, Empty, Loaded, Notice, Page, Pager, Table } from "../parts/parts.js";
import { CustomerLink, orderBadges } from "./records.js";
import { link } from "../parts/route.js";

/** @typedef {Answer<"get", "orders/">} OrdersPage */

const LIMIT = 25;
/** @type {FilterField<keyof Query<"orders/"> | "from" | "to">[]} */
const FIELDS = [
  { name: "store_id", label: "Order ID" },
  { name: "customer_email", label: "Customer email", type: "email" },
  ...RECORD_FILTERS.map((field) => ({ ...field, more: field.type !== "date" })),
];

/** @type {(values: PageQuery) => PageQuery} */
const checkOrder = (values) =>
  checkFilters(values, { import_id: [], source: ["from", "to", "order_by"] });

const fetchNewOrder = async () => (await import("../later.js")).NewOrder;

/** @param {{ parts: string[], query: PageQuery }} props */
export function Orders({ parts: [id], query }) {
  if (id === "new")
    return html`<${Lazy} key=${JSON.stringify(query)} fetch=${fetchNewOrder} ...${query} />`;
  return id ? html`<${Order} key=${id} id=${id} />` : html`<${OrderList} query=${query} />`;
}

/** @param {{ query: PageQuery }} props */
function OrderList({ query }) {
  const orders = useLoad(
    (signal) => api.get("orders/", { ...toApiQuery(query), limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const exporting = useSignal(false);
  const actions = html`
    <${Button} plain icon="down" onPress=${() => (exporting.value = true)}>Export licenses<//>
    <${NewOrderButton} />
  `;
  return html`<${Page} title="Orders" lead="All orders, newest first" actions=${actions}>
    <${Filters} path="orders" fields=${FIELDS} query=${query} action="Search orders"
      check=${checkOrder} />
    <${Loaded} from=${orders} rows=${8}>${(
      /** @type {OrdersPage} */ page,
    ) => html`<${OrderTable} page=${page} query=${query}
      busy=${orders.loading} />`}<//>
    ${exporting.value && html`<${ExportDialog} onClose=${() => (exporting.value = false)} />`}
  <//>`;
}

/** @type {Column<OrderRecord>[]} */
const COLUMNS = [
  {
    head: "Order",
    cell: (order) =>
      html`<a href=${link(`orders/${order.id}`)}>${order.store_id}</a> ${orderBadges(order)}`,
  },
  {
    head: "Customer",
    cell: ({ customer }) => (customer ? html`<${CustomerLink} customer=${customer} />` : "–"),
  },
  {
    head: "Products",
    wide: true,
    cell: ({ order_items }) =>
      [...new Set(order_items.map((item) => item.product_code))].map(
        (code) => html`<code>${code}</code> `,
      ),
  },
  {
    head: "Licenses",
    kind: "number",
    cell: ({ licenses_count: count, store_id: id }) =>
      count
        ? html`<a href=${link("licenses", { order_store_id: id })}
          aria-label=${formatCount(count, "license")}>${formatNumber(count)}</a>`
        : 0,
  },
  { head: "Placed", kind: "mid", cell: (order) => formatTime(order.created_at) },
];

/** @param {{ page: OrdersPage, query: PageQuery, busy: boolean }} props */
function OrderTable({ page, query, busy }) {
  if (!page.results.length)
    return Object.keys(query).length ? html`<${NoMatches} />` : html`<${NoOrders} />`;
  return html`
    <${Table} caption="Orders" columns=${COLUMNS} rows=${page.results} busy=${busy}
      to=${(/** @type {OrderRecord} */ { id }) => link(`orders/${id}`)} />
    <${Pager} page=${page} path="orders" query=${query} limit=${LIMIT} nouns=${["order"]} />
  `;
}

const NewOrderButton = () =>
  html`<${LinkButton} scope="orders:write" to=${link("orders/new")} icon="plus">New order<//>`;

const NoOrders = () => html`<${Empty} icon="orders" title="No orders yet">
  <p>An order issues licenses. Place one here, import orders from another system, or let your shop
    place them through the API.</p>
  <${NewOrderButton} /> <${LinkButton} scope="imports:write" plain
    to=${link("imports/licenses/new")}>Import licenses<//>
<//>`;

const NoMatches = () => html`<${Empty} icon="search" title="No matching orders">
  <p>Order ID and email must be complete here. To find a beginning, press <kbd>/</kbd>. <a
    href=${link("orders")}>Show all orders</a></p>
<//>`;

const RANGES = {
  last30: "Last 30 days",
  last60: "Last 60 days",
  last180: "Last 180 days",
  last365: "Last 365 days",
  days: "Custom range",
};

/** @type {(days: PageQuery) => PageQuery} */
const checkRange = (days) => {
  const [blank] = Object.keys(days).filter((name) => !days[name]);
  return blank ? { [blank]: "Enter a date" } : checkFilters(days, {});
};

/** @param {{ onClose: () => void }} props */
function ExportDialog({ onClose }) {
  const range = useSignal("last30");
  const days = useSignal({ from: "", to: "" });
  const problem = useSignal(/** @type {Failure | null} */ (null));
  const errors = useSignal(/** @type {PageQuery} */ ({}));
  const save = async () => {
    problem.value = null;
    errors.value = range.value === "days" ? checkRange(days.value) : {};
    if (Object.keys(errors.value).length) return;
    try {
      await api.download(
        "orders/export/",
        range.value === "days" ? days.value : { range: range.value },
      );
      announce("Downloaded");
      onClose();
    } catch (error) {
      problem.value = /** @type {Failure} */ (error);
    }
  };
  /**
   * @param {"from" | "to"} name
   * @param {string} label
   */
  const day = (name, label) => html`<${Field} label=${label} type="date" value=${days.value[name]}
    error=${errors.value[name]} onInput=${(/** @type {string} */ value) => {
      days.value = { ...days.value, [name]: value };
    }} />`;
  return html`<${Dialog} title="Export licenses" onClose=${onClose}>
    <p>Download licenses as CSV, in the import format.</p>
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    <${Field} as="select" label="Date range" value=${range.value}
      onInput=${(/** @type {string} */ value) => (range.value = value)}>
      ${Object.entries(RANGES).map(
        ([value, text]) => html`<option
        value=${value}>${text}</option>`,
      )}
    <//>
    ${range.value === "days" && [day("from", "From (UTC)"), day("to", "To (UTC)")]}
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      <${Button} icon="down" onPress=${save}>Download CSV<//>
    </footer>
  <//>`;
}
