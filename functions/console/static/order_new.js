// A new order: whose it is, what is bought, and under which terms.
import { useSignal } from "@preact/signals";
import * as api from "./api.js";
import { catalogOf, useProducts } from "./catalog.js";
import { Button } from "./fields.js";
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
      ${(all) => (all.some(isSold) ? html`<${OrderForm} products=${all} />` : html`<${NothingToSell} />`)}
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
    const { body, tell } = bodyOf(form.draft.value, catalog);
    return form.send(async ({ token }) => {
      placed.value = await api.post("orders/create_order/", body, { "Idempotency-Key": token });
      say("The order is placed");
      go(`orders/${placed.value.id}`);
    }, tell);
  };
  const add = () => form.set("items", [...form.at("items"), newItem()]);
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
  const field = (name, label) => html`<${Input} form=${form} name="customer.${name}" label=${label} autocomplete="off" />`;
  return html`<section class="card">
    <h2>Customer</h2>
    <${Input} form=${form} name="customer.email" label="E-mail" type="email" autocomplete="off" hint=${hint} onBlur=${find} />
    ${!is && html`<div class="columns">
      ${field("first_name", "First name")} ${field("last_name", "Last name")}
      ${field("company_name", "Company")} ${field("phone", "Phone")} ${field("reference", "Reference")}
    </div>`}
  </section>`;
}

const titleOf = (customer) =>
  [nameOf(customer), customer.company_name].filter(Boolean).join(", ") || customer.email;
