// A new order: whose it is, what is bought, and under which terms.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { catalogOf, policies, readPolicies, soldWith, useProducts } from "./catalog.js";
import { Action, Button, Field } from "./fields.js";
import { FormOf, Input, Tick, labelOf, useForm } from "./form.js";
import { html } from "./html.js";
import { bodyOf, missing, newDraft, newItem } from "./order_body.js";
import { OrderItem } from "./order_item.js";
import { placed } from "./order.js";
import { Empty, Loaded, Page, say } from "./parts.js";
import { nameOf } from "./records.js";
import { go, link } from "./route.js";

export function NewOrder() {
  const products = useProducts();
  return html`<${Page} title="New order" back=${{ href: link("orders"), text: "Orders" }}
    lead="All licenses are issued together, or none">
    <${Loaded} from=${products} rows=${8}>
      ${(all) => (all.some(isSold) ? html`<${OrderForm} products=${all} />`
        : html`<${NothingToSell} />`)}
    <//>
  <//>`;
}

const isSold = (product) => product.active && !product.is_archived;

const NothingToSell = () => html`<${Empty} icon="products" title="No products yet">
  <p>Create a product first; it comes with a default policy.</p>
  <${Action} scope="catalog:write" to=${link("products/new")} icon="plus">New product<//>
<//>`;

function OrderForm({ products }) {
  const form = useForm("order", newDraft);
  const catalog = catalogOf(products);
  const send = () => {
    const faults = missing(form.draft.value, catalog);
    if (faults.length) return form.refuse(faults);
    let order;
    const act = async (draft) => {
      const needed = draft.items.flatMap(({ product }) => soldWith(catalog.products[product]));
      const unread = needed.filter((code) => !policies.value[code]);
      await Promise.all(unread.map((code) => readPolicies(code)));
      order = bodyOf(draft, catalogOf(products));
      placed.value = await place(order, draft.token);
      say("Order placed");
      go(`orders/${placed.value.id}`);
    };
    return form.send(act, (fault) => order.tell(fault));
  };
  const add = () => {
    const items = form.at("items");
    form.set("items", [...items, newItem()]);
    form.visit(`items.${items.length}.product`);
  };
  return html`<${FormOf} form=${form} action="Place order" scope="orders:write"
    onSend=${send} back=${link("orders")}>
    <${Customer} form=${form} />
    ${form.at("items").map(
      (item, n) => html`<${OrderItem} key=${item.uid} form=${form} at=${n} item=${item}
        catalog=${catalog} products=${products.filter(isSold)} />`,
    )}
    <p class="add"><${Button} plain icon="plus" onPress=${add}>Add another product<//></p>
    <section class="card">
      <h2>Order details</h2>
      <div class="columns">
        <${Input} form=${form} name="id" label="Order ID" autocomplete="off"
          hint="Your shop’s order number. Leave blank to generate one." />
        <${Input} form=${form} name="reference" label="Reference" autocomplete="off" />
      </div>
      <${Tick} form=${form} name="is_test" label="This is a test order" />
    </section>
  <//>`;
}

/**
 * The same token with another body: the first one was placed, and its answer did not arrive. An id
 * that another order has is what is wrong, rather than all in which the two orders differ.
 */
async function place({ body, tell }, token) {
  try {
    return await api.post("orders/create_order/", body, { "Idempotency-Key": token });
  } catch (problem) {
    if (problem.code === "idempotency_key_reused")
      problem.detail =
        "This order was placed already, although its answer was lost, and has been changed here " +
        "since. Look for it among the orders; cancel here to begin another one.";
    if (problem.code === "order_id_exists") {
      const fields = problem.faults.map((fault) => labelOf(tell(fault).at)).filter(Boolean);
      problem.detail = `The two orders differ in: ${[...new Set(fields)].join(", ") || "other details"}.`;
      problem.faults = [{ pointer: "/id", message: "Another order has this ID. Choose another one." }];
      problem.way = { to: link("orders", { store_id: body.id }), text: `Show order ${body.id}` };
    }
    throw problem;
  }
}

function Customer({ form }) {
  const known = useSignal(null);
  const email = form.at("customer.email").trim();
  const find = async () => {
    known.value = null;
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) return;
    const found = await api.get("customers/", { email }).catch(() => null);
    if (found) known.value = { email, customer: found.results[0] };
  };
  const told = known.value?.email === email ? known.value : null;
  const is = told?.customer;
  const hint = is
    ? `Existing customer: ${titleOf(is)}. Their details won’t change.`
    : told
      ? "New customer – will be created with this order"
      : "Customers are identified by email. Leave blank for an order without a customer.";
  const field = (name, label) =>
    is
      ? html`<${Field} label=${label} value=${is[name] ?? ""} disabled />`
      : html`<${Input} form=${form} name="customer.${name}" label=${label} autocomplete="off" />`;
  return html`<section class="card">
    <h2>Customer</h2>
    <${Input} form=${form} name="customer.email" label="Email" type="email" autocomplete="off"
      hint=${hint} onBlur=${find} />
    <div class="columns">
      ${field("first_name", "First name")} ${field("last_name", "Last name")}
      ${field("company_name", "Company")} ${field("phone", "Phone")}
      ${field("reference", "Customer’s reference")}
    </div>
  </section>`;
}

const titleOf = (customer) =>
  [nameOf(customer), customer.company_name].filter(Boolean).join(", ") || customer.email;
