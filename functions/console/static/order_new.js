// A new order: whose it is, what is bought, and under which terms.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { catalogOf, policies, readPolicies, soldWith, useProducts } from "./catalog.js";
import { Button, Field } from "./fields.js";
import { FormOf, Input, Tick, useForm } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { bodyOf, missing, newDraft, newItem } from "./order_body.js";
import { OrderItem } from "./order_item.js";
import { placed } from "./order.js";
import { Empty, Loaded, Page, say } from "./parts.js";
import { nameOf } from "./records.js";
import { go, link } from "./route.js";

export function NewOrder() {
  const products = useProducts();
  return html`<${Page} title="New order" back=${{ href: link("orders"), text: "Orders" }}
    lead="It is placed whole with all of its licenses, or not at all">
    <${Loaded} from=${products} rows=${8}>
      ${(all) => (all.some(isSold) ? html`<${OrderForm} products=${all} />`
        : html`<${NothingToSell} />`)}
    <//>
  <//>`;
}

const isSold = (product) => product.active && !product.is_archived;

const NothingToSell = () => html`<${Empty} icon="products" title="There is nothing to sell yet">
  <p>An order is for products. Make one first; its default policy comes with it.</p>
  <a role="button" href=${link("products/new")}><${Icon} name="plus" />New product</a>
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
      placed.value = await place(order.body, draft.token);
      say("The order is placed");
      go(`orders/${placed.value.id}`);
    };
    return form.send(act, (fault) => order.tell(fault));
  };
  const add = () => {
    const items = form.at("items");
    form.set("items", [...items, newItem()]);
    form.visit(`items.${items.length}.product`);
  };
  return html`<${FormOf} form=${form} action="Place order" onSend=${send} back=${link("orders")}>
    <${Customer} form=${form} />
    ${form.at("items").map(
      (item, n) => html`<${OrderItem} key=${item.uid} form=${form} at=${n} item=${item}
        catalog=${catalog} products=${products.filter(isSold)} />`,
    )}
    <p class="add"><${Button} plain icon="plus" onPress=${add}>Add another product<//></p>
    <section class="card">
      <h2>About the order</h2>
      <div class="columns">
        <${Input} form=${form} name="id" label="Order id" autocomplete="off"
          hint="What your shop calls it. Left blank, one is made." />
        <${Input} form=${form} name="reference" label="Reference" autocomplete="off" />
      </div>
      <${Tick} form=${form} name="is_test" label="This is a test order" />
    </section>
  <//>`;
}

/** The same token with another body: the first one was placed, and its answer did not arrive. */
async function place(body, token) {
  try {
    return await api.post("orders/create_order/", body, { "Idempotency-Key": token });
  } catch (problem) {
    if (problem.code === "idempotency_key_reused")
      problem.detail =
        "This order was placed already, although its answer was lost, and has been changed here " +
        "since. Look for it among the orders; cancel here to begin another one.";
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
    ? `Known as ${titleOf(is)}. What is known of a customer stays as it is.`
    : told
      ? "A new customer, made with the order."
      : "Customers are known by e-mail. Left blank, the order has no customer.";
  const field = (name, label) =>
    is
      ? html`<${Field} label=${label} value=${is[name] ?? ""} disabled />`
      : html`<${Input} form=${form} name="customer.${name}" label=${label} autocomplete="off" />`;
  return html`<section class="card">
    <h2>Customer</h2>
    <${Input} form=${form} name="customer.email" label="E-mail" type="email" autocomplete="off"
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
