// Orders: those that there are, newest first.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { Action, Button, Dialog, Field } from "./fields.js";
import { Find } from "./find.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Order } from "./order.js";
import { NewOrder } from "./order_new.js";
import { Empty, Loaded, Notice, Page, Pager, Table, number, say, when } from "./parts.js";
import { Buyer, marks } from "./records.js";
import { link } from "./route.js";

const LIMIT = 25;
const FIELDS = [
  { name: "store_id", label: "Order ID" },
  { name: "customer_email", label: "Customer email", type: "email" },
  { name: "from", label: "From (UTC)", type: "date" },
  { name: "to", label: "To (UTC)", type: "date" },
];

const inOrder = ({ from, to }) =>
  from && to && from > to ? { from: "From must not be later than To" } : {};

const DAY = 86_400_000;
const dayAfter = (day) => new Date(Date.parse(day) + DAY).toISOString().slice(0, 10);

/** The days of a query as the API takes them, which counts from one midnight to another. */
const asked = ({ from, to, ...query }) => ({
  ...query,
  created_at__gte: from,
  created_at__lt: to && dayAfter(to),
});

export function Orders({ parts: [id], query }) {
  if (id === "new") return html`<${NewOrder} />`;
  return id ? html`<${Order} key=${id} id=${id} />` : html`<${OrderList} query=${query} />`;
}

function OrderList({ query }) {
  const orders = useLoad(
    (signal) => api.get("orders/", { ...asked(query), limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const exporting = useSignal(false);
  const actions = html`
    <${Button} plain icon="down" onPress=${() => (exporting.value = true)}>Export<//>
    <${NewOrderButton} />
  `;
  return html`<${Page} title="Orders" lead="All orders, newest first" actions=${actions}>
    <${Find} path="orders" fields=${FIELDS} query=${query} check=${inOrder} />
    <${Loaded} from=${orders} rows=${8}>${(page) => html`<${Listed} page=${page} query=${query}
      busy=${orders.loading} />`}<//>
    ${exporting.value && html`<${Export} onClose=${() => (exporting.value = false)} />`}
  <//>`;
}

const COLUMNS = [
  {
    head: "Order",
    cell: (order) =>
      html`<a href=${link(`orders/${order.id}`)}>${order.store_id}</a> ${marks(order)}`,
  },
  {
    head: "Customer",
    cell: ({ customer }) => (customer ? html`<${Buyer} customer=${customer} />` : "–"),
  },
  {
    head: "Products",
    wide: true,
    cell: ({ order_items }) =>
      [...new Set(order_items.map((item) => item.product_code))].map(
        (code) => html`<code>${code}</code> `,
      ),
  },
  { head: "Licenses", kind: "number", cell: (order) => number(order.licenses_count) },
  { head: "Placed", kind: "mid", cell: (order) => when(order.created_at) },
];

function Listed({ page, query, busy }) {
  if (!page.results.length)
    return Object.keys(query).length ? html`<${NotFound} />` : html`<${None} />`;
  return html`
    <${Table} caption="Orders" columns=${COLUMNS} rows=${page.results} busy=${busy} />
    <${Pager} page=${page} path="orders" query=${query} limit=${LIMIT} />
  `;
}

const NewOrderButton = () =>
  html`<${Action} scope="orders:write" to=${link("orders/new")} icon="plus">New order<//>`;

const None = () => html`<${Empty} icon="orders" title="No orders yet">
  <p>An order issues licenses. Place one here, or let your shop place orders through the API.</p>
  <${NewOrderButton} />
<//>`;

const NotFound = () => html`<${Empty} icon="search" title="No matching orders">
  <p>Search needs the complete order ID or email. <a
    href=${link("orders")}>Show all orders</a></p>
<//>`;

const RANGES = {
  last30: "Last 30 days",
  last60: "Last 60 days",
  last180: "Last 180 days",
  last365: "Last 365 days",
  days: "Custom range",
};

const unfit = (days) => {
  const [blank] = Object.keys(days).filter((name) => !days[name]);
  return blank ? { [blank]: "Enter a date" } : inOrder(days);
};

function Export({ onClose }) {
  const range = useSignal("last30");
  const days = useSignal({ from: "", to: "" });
  const problem = useSignal(null);
  const wrong = useSignal({});
  const save = async () => {
    problem.value = null;
    wrong.value = range.value === "days" ? unfit(days.value) : {};
    if (Object.keys(wrong.value).length) return;
    try {
      await api.download(
        "orders/export/",
        range.value === "days" ? days.value : { range: range.value },
      );
      say("Downloaded");
      onClose();
    } catch (refused) {
      problem.value = refused;
    }
  };
  const day = (name, label) => html`<${Field} label=${label} type="date" value=${days.value[name]}
    error=${wrong.value[name]} onInput=${(value) => (days.value = { ...days.value, [name]: value })} />`;
  return html`<${Dialog} title="Export licenses" onClose=${onClose}>
    <p>Download licenses as CSV, in the import format.</p>
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    <${Field} as="select" label="Date range" value=${range.value}
      onInput=${(value) => (range.value = value)}>
      ${Object.entries(RANGES).map(([value, text]) => html`<option
        value=${value}>${text}</option>`)}
    <//>
    ${range.value === "days" && [day("from", "From (UTC)"), day("to", "To (UTC)")]}
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      <${Button} icon="down" onPress=${save}>Download<//>
    </footer>
  <//>`;
}
