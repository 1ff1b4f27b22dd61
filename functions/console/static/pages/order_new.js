// A new order: its customer, its products and their terms.

/** @import { Failure, Order, Customer as CustomerRecord, PlacedOrder, Product } from "../api/types.ts" */
/** @import { Form, FormProblem } from "../forms/form.js" */
/** @import { BuiltOrder, OrderDraft } from "./order_body.js" */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, LinkButton } from "../parts/buttons.js";
import { createCatalog, listAll, loadPolicies, policies, policyProducts } from "./catalog.js";
import { useLoad } from "../api/load.js";
import { useSearch } from "../api/search.js";
import { Combobox } from "../parts/combobox.js";
import { Field } from "../parts/fields.js";
import { FormCheckbox, FormField, labelOf, RecordForm, useForm } from "../forms/form.js";
import { html } from "../parts/html.js";
import { placedOrder } from "./order.js";
import { buildOrder, createDraft, createItem, draftAgain, findFaults } from "./order_body.js";
import { OrderItem } from "./order_item.js";
import { announce, Empty, Loaded, Page } from "../parts/parts.js";
import { nameOf, suggestionOf } from "./records.js";
import { go, link } from "../parts/route.js";

/**
 * `order` is the id of an order to place again, `customer` that of the customer.
 *
 * @param {{ order?: string, customer?: string }} props
 */
export function NewOrder({ order, customer }) {
  const products = useLoad((signal) => loadStart({ order, customer }, signal));
  return html`<${Page} title="New order" back=${{ href: link("orders"), text: "Orders" }}
    lead="All licenses are issued together, or none">
    <${Loaded} from=${products} rows=${8}>
      ${(/** @type {Start} */ { products: all, draft }) =>
        all.some(isOnSale)
          ? html`<${OrderForm} products=${all} start=${draft}
            name=${order ? `order again ${order}` : customer ? `order for ${customer}` : "order"} />`
          : html`<${NoProducts} />`}
    <//>
  <//>`;
}

/** @typedef {{ products: Product[], draft: () => OrderDraft }} Start what the form starts with */

/**
 * @param {{ order?: string, customer?: string }} from
 * @param {AbortSignal} signal
 * @returns {Promise<Start>}
 */
async function loadStart({ order, customer }, signal) {
  const [products, placed, buyer] = await Promise.all([
    listAll("products/", {}, { signal }),
    order ? api.get(`orders/${order}/`, {}, { signal }) : null,
    customer ? api.get(`customers/${customer}/`, {}, { signal }) : null,
  ]);
  if (placed) {
    const ordered = new Set(placed.order_items.map(({ product_code: code }) => code));
    const codes = products.filter((each) => ordered.has(each.short_code)).flatMap(policyProducts);
    await Promise.all(codes.map((code) => loadPolicies(code, { signal })));
    return { products, draft: () => draftAgain(placed, createCatalog(products)) };
  }
  const draft = () => {
    const start = createDraft();
    return { ...start, customer: { ...start.customer, email: buyer?.email ?? "" } };
  };
  return { products, draft };
}

/** @type {(product: Product) => boolean} */
const isOnSale = (product) => product.active && !product.is_archived;

const NoProducts = () => html`<${Empty} icon="products" title="No products yet">
  <p>Create a product first; it comes with a default policy.</p>
  <${LinkButton} scope="catalog:write" to=${link("products/new")} icon="plus">New product<//>
<//>`;

/** @param {{ products: Product[], start: () => OrderDraft, name: string }} props */
function OrderForm({ products, start, name }) {
  const form = useForm(name, start);
  const catalog = createCatalog(products);
  const submit = () => {
    const faults = findFaults(form.draft.value, catalog);
    if (faults.length) return form.showFaults(faults);
    /** @type {BuiltOrder} */
    let order;
    /** @param {OrderDraft} draft */
    const act = async (draft) => {
      const codes = draft.items.flatMap(({ product }) => policyProducts(catalog.products[product]));
      const unloaded = codes.filter((code) => !policies.value[code]);
      await Promise.all(unloaded.map((code) => loadPolicies(code)));
      order = buildOrder(draft, createCatalog(products));
      const placed = await placeOrder(order, draft.token);
      placedOrder.value = placed;
      announce("Order placed");
      go(`orders/${placed.id}`);
    };
    return form.submit(act, (fault) => order.locate(fault));
  };
  const add = () => {
    const items = form.get("items");
    form.set("items", [...items, createItem()]);
    form.focus(`items.${items.length}.product`);
  };
  return html`<${RecordForm} form=${form} action="Place order" scope="orders:write"
    onSubmit=${submit} back=${link("orders")}>
    <${Customer} form=${form} />
    ${form.get("items").map(
      (
        /** @type {OrderDraft["items"][number]} */ item,
        /** @type {number} */ n,
      ) => html`<${OrderItem} key=${item.uid} form=${form} at=${n} item=${item}
        catalog=${catalog} products=${products.filter(isOnSale)} />`,
    )}
    <p class="add"><${Button} plain icon="plus" onPress=${add}>Add another product<//></p>
    <section class="card">
      <h2>Order details</h2>
      <div class="columns">
        <${FormField} form=${form} name="id" label="Order ID" autocomplete="off"
          hint="Your shop’s order number. Leave blank to generate one." />
        <${FormField} form=${form} name="reference" label="Reference" autocomplete="off" />
      </div>
      <${FormCheckbox} form=${form} name="is_test" label="Test order" />
    </section>
  <//>`;
}

/**
 * A reused token means that the order was placed, but its response was lost, and the form was changed
 * since. If another order has the ID, the ID is the fault, not the fields in which the orders differ.
 *
 * @type {(order: BuiltOrder, token: string) => Promise<PlacedOrder>}
 */
async function placeOrder({ body, locate }, token) {
  try {
    return await api.post("orders/create_order/", body, { "Idempotency-Key": token });
  } catch (thrown) {
    const problem = /** @type {FormProblem} */ (thrown);
    if (problem.code === "idempotency_key_reused")
      problem.detail =
        "This order was already placed: the response was lost, and the form was changed since. " +
        "Find it under Orders. To place another order, cancel this form and start again.";
    if (problem.code === "order_id_exists") {
      const labels = problem.faults.map((fault) => labelOf(locate(fault).at)).filter(Boolean);
      problem.detail = `The two orders differ in: ${[...new Set(labels)].join(", ") || "other details"}.`;
      problem.faults = [
        {
          code: problem.code,
          field: "id",
          pointer: "/id",
          value: body.id ?? null,
          message: "Another order has this ID. Enter a different ID.",
        },
      ];
      problem.link = {
        href: link("orders", { store_id: body.id }),
        text: `Show order ${body.id}`,
      };
    }
    throw problem;
  }
}

/** @param {{ form: Form<OrderDraft> }} props */
function Customer({ form }) {
  const lookup = useSignal(
    /** @type {{ email: string, customer?: CustomerRecord } | null} */ (null),
  );
  const email = form.get("customer.email").trim();
  const { result } = useSearch(lookup.value ? "" : email, "customer");
  const found = result?.customers.filter((customer) => customer.email) ?? [];
  const pick = (/** @type {{ id: string }} */ { id }) => {
    const customer = found.find((each) => suggestionOf(each).id === id);
    form.set("customer.email", customer?.email ?? "");
    find(customer?.email ?? "");
  };
  const find = async (email = form.get("customer.email").trim()) => {
    lookup.value = null;
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) return;
    const page = await api.get("customers/", { email }).catch(() => null);
    if (page) lookup.value = { email, customer: page.results[0] };
  };
  useEffect(() => {
    if (email) find();
  }, []);
  const current = lookup.value?.email === email ? lookup.value : null;
  const existing = current?.customer;
  const hint = existing
    ? `Existing customer: ${titleOf(existing)}. Their details won’t change.`
    : current
      ? "New customer – will be created with this order"
      : "Type an email, name or company. Leave blank for an order without a customer.";
  /**
   * @param {keyof OrderDraft["customer"]} name
   * @param {string} label
   */
  const field = (name, label) =>
    existing
      ? html`<${Field} label=${label} value=${existing[name] ?? ""} disabled />`
      : html`<${FormField} form=${form} name="customer.${name}" label=${label} autocomplete="off" />`;
  return html`<section class="card">
    <h2>Customer</h2>
    <${Combobox} popup label="Email" list="Customers" type="text" inputmode="email"
      data-field="customer.email" value=${form.get("customer.email")} hint=${hint}
      error=${form.errorOf("customer.email")} spellcheck=${false} autocapitalize="off"
      groups=${[{ title: "Customers", suggestions: found.map(suggestionOf) }]}
      onInput=${(/** @type {string} */ value) => {
        lookup.value = null;
        form.set("customer.email", value);
      }}
      onPick=${pick} onBlur=${() => find()} />
    <div class="columns">
      ${field("first_name", "First name")} ${field("last_name", "Last name")}
      ${field("company_name", "Company")} ${field("phone", "Phone")}
      ${field("reference", "Customer reference")}
    </div>
  </section>`;
}

/** @type {(customer: CustomerRecord) => string} */
const titleOf = (customer) =>
  [nameOf(customer), customer.company_name].filter(Boolean).join(", ") || customer.email || "";
