// Orders: those that there are, newest first.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { Button, Dialog, Field } from "./fields.js";
import { Find } from "./find.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Order } from "./order.js";
import { NewOrder } from "./order_new.js";
import { Empty, Loaded, Notice, Page, Pager, Table, number, say, when } from "./parts.js";
import { Buyer, marks } from "./records.js";
import { link } from "./route.js";

const LIMIT = 25;
const FIELDS = [
  { name: "store_id", label: "Order id" },
  { name: "customer_email", label: "Customer’s e-mail", type: "email" },
  { name: "created_at__gte", label: "From, UTC", type: "date" },
  { name: "created_at__lt", label: "Before, UTC", type: "date" },
];

export function Orders({ parts: [id], query }) {
  if (id === "new") return html`<${NewOrder} />`;
  return id ? html`<${Order} key=${id} id=${id} />` : html`<${OrderList} query=${query} />`;
}

function OrderList({ query }) {
  const orders = useLoad(
    (signal) => api.get("orders/", { ...query, limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const exporting = useSignal(false);
  const actions = html`
    <${Button} plain icon="down" onPress=${() => (exporting.value = true)}>Export<//>
    <a role="button" href=${link("orders/new")}><${Icon} name="plus" />New order</a>
  `;
  return html`<${Page} title="Orders" lead="What has been bought, newest first" actions=${actions}>
    <${Find} path="orders" fields=${FIELDS} query=${query} />
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

const None = () => html`<${Empty} icon="orders" title="No orders yet">
  <p>An order issues the licenses of what has been bought. Place one here, or let
    your shop place them through the API.</p>
  <a role="button" href=${link("orders/new")}><${Icon} name="plus" />New order</a>
<//>`;

const NotFound = () => html`<${Empty} icon="search" title="No order is like that">
  <p>Ids and e-mails are found by the whole of them. <a
    href=${link("orders")}>Show all orders</a></p>
<//>`;

const RANGES = {
  last30: "the last 30 days",
  last60: "the last 60 days",
  last180: "the last 180 days",
  last365: "the last year",
  days: "days that I choose",
};

function Export({ onClose }) {
  const range = useSignal("last30");
  const days = useSignal({ from: "", to: "" });
  const problem = useSignal(null);
  const save = async () => {
    problem.value = null;
    try {
      await api.download(
        "orders/export/",
        range.value === "days" ? days.value : { range: range.value },
      );
      say("The file is saved");
      onClose();
    } catch (refused) {
      problem.value = refused;
    }
  };
  const day = (name, label) => html`<${Field} label=${label} type="date" value=${days.value[name]}
    onInput=${(value) => (days.value = { ...days.value, [name]: value })} />`;
  return html`<${Dialog} title="Export licenses" onClose=${onClose}>
    <p>A CSV file of the licenses in all orders of some days, in the columns that an import of
      licenses reads.</p>
    ${problem.value && html`<${Notice} kind="error" problem=${problem.value} />`}
    <${Field} as="select" label="Orders of" value=${range.value}
      onInput=${(value) => (range.value = value)}>
      ${Object.entries(RANGES).map(([value, text]) => html`<option
        value=${value}>${text}</option>`)}
    <//>
    ${range.value === "days" && [day("from", "From"), day("to", "To")]}
    <footer>
      <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      <${Button} icon="down" onPress=${save}>Save the file<//>
    </footer>
  <//>`;
}
