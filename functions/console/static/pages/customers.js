// The list of customers, a customer with their orders and licenses, and the forms of a customer.

/** @import { Answer, Customer as CustomerRecord, NewCustomer as CustomerDraft, Order, Query } from "../api/types.ts" */
/** @import { AnyLicense } from "./records.js" */
/** @import { FilterField } from "../forms/filters.js" */
/** @import { Form } from "../forms/form.js" */
/** @import { Values } from "../forms/merge.js" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { DeleteButton } from "../parts/delete_button.js";
import { fieldOf, Meanwhile, useEdit } from "../forms/edit.js";
import { Field } from "../parts/fields.js";
import { checkFilters, Filters, RECORD_FILTERS, toApiQuery } from "../forms/filters.js";
import { FormField, RecordForm, useForm } from "../forms/form.js";
import { checkMetadata, formatMetadata, MetadataField } from "../forms/metadata.js";
import { formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Empty, Loaded, Page, Pager, Table } from "../parts/parts.js";
import { LicenseTable } from "./license_table.js";
import { Email, LICENSE_COLUMNS, nameOf, orderBadges } from "./records.js";
import { ExportAll } from "../parts/export_all.js";
import { go, link } from "../parts/route.js";
import { hasScope } from "../api/session.js";

/** @typedef {"address" | "city" | "company_name" | "country" | "email" | "first_name" | "last_name"} Names */
/** @typedef {(Names | "phone" | "postcode" | "reference" | "state") & keyof CustomerRecord & keyof CustomerDraft} FieldName */

const LIMIT = 25;
const PREVIEW = 10;
/** @type {FilterField<keyof Query<"customers/"> | "from" | "to">[]} */
const FIELDS = [
  { name: "email", label: "Email", type: "email" },
  { name: "reference", label: "Reference" },
  ...RECORD_FILTERS,
];
/** @type {(values: PageQuery) => PageQuery} */
const checkCustomers = (values) =>
  checkFilters(values, {
    import_id: [],
    source: ["from", "to", "order_by"],
    from: ["to", "source", "order_by"],
    to: ["from", "source", "order_by"],
  });
/** @type {[name: FieldName, label: string][]} */
const CONTACT = [
  ["first_name", "First name"],
  ["last_name", "Last name"],
  ["company_name", "Company"],
  ["phone", "Phone"],
  ["reference", "Reference"],
];
/** @type {[name: FieldName, label: string][]} */
const ADDRESS = [
  ["address", "Address"],
  ["postcode", "Postcode"],
  ["city", "City"],
  ["state", "State"],
  ["country", "Country"],
];

/** @param {{ parts: string[], query: PageQuery }} props */
export function Customers({ parts: [id, part], query }) {
  if (id === "new") return html`<${NewCustomer} />`;
  if (id && part === "edit") return html`<${EditCustomer} key=${id} id=${id} />`;
  return id ? html`<${Customer} key=${id} id=${id} />` : html`<${CustomerList} query=${query} />`;
}

/** @type {(customer: CustomerRecord) => string} */
const titleOf = (customer) =>
  nameOf(customer) || customer.company_name || customer.email || "No name";

/** @type {Column<CustomerRecord>[]} */
const COLUMNS = [
  {
    head: "Customer",
    cell: (customer) => html`<a href=${link(`customers/${customer.id}`)}>${titleOf(customer)}</a>`,
  },
  { head: "Company", kind: "mid", cell: ({ company_name: company }) => company || "–" },
  { head: "Email", cell: ({ email }) => (email ? html`<${Email} of=${email} />` : "–") },
  { head: "Reference", wide: true, cell: ({ reference }) => reference || "–" },
  { head: "Since", wide: true, cell: ({ created_at: since }) => formatTime(since.slice(0, 10)) },
];

/** @param {{ query: PageQuery }} props */
function CustomerList({ query }) {
  const customers = useLoad(
    (signal) => api.get("customers/", { ...toApiQuery(query), limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const create = html`<${LinkButton} scope="orders:write" to=${link("customers/new")}
    icon="plus">New customer<//>`;
  const empty = Object.keys(query).length
    ? html`<${Empty} icon="search"
      title="No matching customers"><p>Email and reference must be complete here. To find a name or a
      beginning, press <kbd>/</kbd>. <a href=${link("customers")}>Show all customers</a></p><//>`
    : html`<${Empty} icon="customers" title="No customers yet">
        <p>Customers are created by their first order, or imported from a file.</p>
        ${create} <${LinkButton} scope="imports:write" plain
          to=${link("imports/customers/new")}>Import customers<//>
      <//>`;
  return html`<${Page} title="Customers" lead="All customers, newest first" actions=${html`
    <${ExportAll} kind="customers" title="Export all customers" /> ${create}`}>
    <${Filters} path="customers" fields=${FIELDS} query=${query} action="Search customers"
      check=${checkCustomers} />
    <${Loaded} from=${customers} rows=${8}>
      ${(/** @type {Answer<"get", "customers/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Customers" columns=${COLUMNS} rows=${page.results}
            busy=${customers.loading}
            to=${(/** @type {CustomerRecord} */ { id }) => link(`customers/${id}`)} />
            <${Pager} page=${page} path="customers" query=${query} limit=${LIMIT}
              nouns=${["customer"]} />`
          : empty}
    <//>
  <//>`;
}

/** @param {{ id: string }} props */
function Customer({ id }) {
  const customer = useLoad((signal) => api.get(`customers/${id}/`, {}, { signal }), [id]);
  const actions =
    customer.value &&
    html`<${LinkButton} scope="orders:write" plain
      to=${link(`customers/${id}/edit`)}>Edit customer<//>
    ${
      customer.value.email &&
      html`<${LinkButton} scope="orders:write" icon="plus"
        to=${link("orders/new", { customer: id })}>New order<//>`
    }
    ${
      customer.value.total_orders === 0 &&
      hasScope("orders:write") &&
      html`<${DeleteButton} what="customer" path="customers/${id}/" back="customers"
        typed=${customer.value.email || id}
        text="The customer has no orders. The record can’t be restored." />`
    }`;
  return html`<${Page} title=${customer.value ? titleOf(customer.value) : "Customer"}
    actions=${actions} back=${{ href: link("customers"), text: "Customers" }}>
    <${Loaded} from=${customer} rows=${8}>${(/** @type {CustomerRecord} */ value) => html`<${Details} customer=${value} />`}<//>
  <//>`;
}

/** @typedef {[orders: Answer<"get", "orders/">, licenses: Answer<"get", "licenses/">]} Related */

/** @type {Column<Order>[]} */
const ORDERS = [
  {
    head: "Order",
    cell: (order) =>
      html`<a href=${link(`orders/${order.id}`)}>${order.store_id}</a> ${orderBadges(order)}`,
  },
  {
    head: "Products",
    kind: "mid",
    cell: ({ order_items: items }) => items.map((item) => html`<code>${item.product_code}</code> `),
  },
  { head: "Placed", cell: (order) => formatTime(order.created_at) },
];

/** @param {{ customer: CustomerRecord }} props */
function Details({ customer }) {
  const query = { customer: customer.id, limit: PREVIEW };
  const related = useLoad(
    (signal) =>
      Promise.all([api.get("orders/", query, { signal }), api.get("licenses/", query, { signal })]),
    [customer.id],
  );
  /**
   * @param {string} path
   * @param {number} total
   */
  const more = (path, total) =>
    total > PREVIEW &&
    customer.email &&
    html`<a
      href=${link(path, { customer_email: customer.email })}>Show all ${formatNumber(total)} ${path}</a>`;
  /**
   * @param {string} title
   * @param {number} total
   * @param {unknown} table
   */
  const list = (title, total, table) => html`<section>
    <div class="row apart heading"><h2>${title} <span
      class="soft">${formatNumber(total)}</span></h2>${more(title.toLowerCase(), total)}</div>
    ${total ? table : html`<p class="soft">None yet.</p>`}
  </section>`;
  return html`<div class="stack">
    <dl class="card">
      <dt>Email</dt><dd>${customer.email || "None"}</dd>
      ${[...CONTACT, ...ADDRESS]
        .filter(([name]) => customer[name])
        .map(([name, label]) => html`<dt>${label}</dt><dd>${customer[name]}</dd>`)}
      ${
        formatMetadata(customer.metadata) &&
        html`<dt>Metadata</dt><dd><code>${JSON.stringify(customer.metadata)}</code></dd>`
      }
      <dt>Customer since</dt><dd>${formatTime(customer.created_at)}</dd>
    </dl>
    <${Loaded} from=${related} rows=${8}>
      ${(/** @type {Related} */ [orders, licenses]) => html`
        ${list(
          "Orders",
          customer.total_orders ?? 0,
          html`<${Table} caption="Orders" columns=${ORDERS} rows=${orders.results}
            to=${(/** @type {Order} */ { id }) => link(`orders/${id}`)} />`,
        )}
        ${list(
          "Licenses",
          customer.total_licenses ?? 0,
          html`<${LicenseTable} columns=${LICENSE_COLUMNS} licenses=${licenses.results}
            busy=${related.loading} onChanged=${related.reload} />`,
        )}
      `}
    <//>
  </div>`;
}

function NewCustomer() {
  return html`<${Page} title="New customer"
    back=${{ href: link("customers"), text: "Customers" }}><${NewForm} /><//>`;
}

/** @param {{ id: string }} props */
function EditCustomer({ id }) {
  const customer = useLoad((signal) => api.get(`customers/${id}/`, {}, { signal }), [id]);
  return html`<${Page} title="Edit customer"
    back=${{ href: link(`customers/${id}`), text: customer.value ? titleOf(customer.value) : "Customer" }}>
    <${Loaded} from=${customer} rows=${6}>${(/** @type {CustomerRecord} */ value) =>
      html`<${ChangeForm} customer=${value} />`}<//>
  <//>`;
}

/** @type {(customer: CustomerRecord) => Values} */
const toValues = (customer) => ({
  ...Object.fromEntries([...CONTACT, ...ADDRESS].map(([name]) => [name, customer[name] ?? ""])),
  metadata: formatMetadata(customer.metadata),
});

/** @param {{ customer: CustomerRecord }} props */
function ChangeForm({ customer }) {
  const { id } = customer;
  const { form, changes, save } = useEdit(`customer ${id}`, customer, toValues);
  const submit = async () => {
    const faults = checkMetadata(form.draft.peek().values);
    if (faults.length) return form.showFaults(faults);
    const saved = await save(
      (changed, seen) => {
        const given = Object.entries(changed).map(([name, value]) => [name, value || null]);
        return api.patch(`customers/${id}/`, { ...Object.fromEntries(given), updated_at: seen });
      },
      () => api.get(`customers/${id}/`),
    );
    if (!saved) return undefined;
    announce("Customer saved");
    return go(`customers/${id}`);
  };
  return html`<${RecordForm} form=${form} action="Save changes" scope="orders:write" onSubmit=${submit}
    back=${link(`customers/${id}`)} notice=${html`<${Meanwhile} changes=${changes.value} />`}>
    <section class="card">
      <${Field} label="Email" type="email" value=${customer.email ?? ""} disabled
        hint="Email can’t be changed. Create a new customer instead." />
      ${fields(form, CONTACT, fieldOf)}
    </section>
    <section class="card"><h2>Address</h2>${fields(form, ADDRESS, fieldOf)}</section>
    <section class="card"><h2>Metadata</h2><${MetadataField} form=${form} /></section>
  <//>`;
}

/**
 * @param {Form<any>} form
 * @param {[name: FieldName, label: string][]} entries
 * @param {(name: string) => string} nameIn the name of a field in the form
 */
const fields = (form, entries, nameIn = (name) => name) => html`<div class="columns">
  ${entries.map(
    ([name, label]) => html`<${FormField} key=${name} form=${form} name=${nameIn(name)}
    label=${label} autocomplete="off" />`,
  )}
</div>`;

function NewForm() {
  /** @type {FieldName[]} */
  const names = ["email", ...[...CONTACT, ...ADDRESS].map(([name]) => name)];
  const form = useForm("customer ", () => Object.fromEntries(names.map((name) => [name, ""])));
  const submit = () =>
    form.submit(async (draft) => {
      const given = Object.entries(draft).filter(
        ([name, value]) => name === "email" || value.trim(),
      );
      const body = /** @type {unknown} */ (Object.fromEntries(given));
      const saved = await api.post("customers/", /** @type {CustomerDraft} */ (body));
      announce("Customer saved");
      go(`customers/${saved.id}`);
    });
  return html`<${RecordForm} form=${form} action="Create customer" scope="orders:write"
    onSubmit=${submit} back=${link("customers")}>
    <section class="card">
      <${FormField} form=${form} name="email" label="Email" type="email" required autocomplete="off"
        hint="Used to identify the customer; can’t be changed later" />
      ${fields(form, CONTACT)}
    </section>
    <section class="card"><h2>Address</h2>${fields(form, ADDRESS)}</section>
  <//>`;
}
