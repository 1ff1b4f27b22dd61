// A new order: its draft in the form, and its request to the API.

/** @import { Customer, Draft, Fault, License, LicenseRequest, Order, OrderItem, OrderItemRequest, OrderRequest, Policy, Product } from "../api/types.ts" */
/** @import { FieldFault } from "../forms/form.js" */
/** @import { Catalog } from "./catalog.js" */
/** @import { TermName } from "./terms.js" */

import { part } from "../forms/field_names.js";
import { findProblem, groupsFor, toApiTerms } from "./terms.js";

const MAX_LICENSES = 1000;

/** @typedef {{ email: string, is_manager: boolean }} UserDraft */
/** @typedef {{ on: boolean, max_consumption?: string }} FeatureDraft */

/**
 * An item of a new order in the form.
 *
 * @typedef {{
 *   uid: string,
 *   product: string,
 *   policy: string,
 *   members: Record<string, string>,
 *   count: string,
 *   own_keys: boolean,
 *   keys: string,
 *   users: UserDraft[],
 *   shared: boolean,
 *   license_type: string,
 *   validity_period: string,
 *   start_date: string,
 *   is_trial: boolean,
 *   terms: Record<string, string>,
 *   features: Record<string, FeatureDraft> | null,
 *   note: string,
 * }} ItemDraft
 */

/** @typedef {"email" | "first_name" | "last_name" | "company_name" | "phone" | "reference"} Contact */

/**
 * @typedef {{
 *   token: string,
 *   id: string,
 *   reference: string,
 *   is_test: boolean,
 *   customer: Record<Contact & keyof Customer, string>,
 *   items: ItemDraft[],
 * }} OrderDraft
 */

/** @typedef {{ body: OrderRequest, locate: (fault: Fault) => FieldFault }} BuiltOrder */
/** @typedef {Map<string, string>} Fields the form's field of each JSON pointer of the request */
/** @typedef {{ key?: string, users?: Partial<UserDraft>[], first?: number }} Holder */

/** @type {() => ItemDraft} */
export const createItem = () => ({
  uid: crypto.getRandomValues(new Uint32Array(2)).join(""),
  product: "",
  policy: "",
  members: {},
  count: "1",
  own_keys: false,
  keys: "",
  users: [{ email: "", is_manager: false }],
  shared: false,
  license_type: "",
  validity_period: "",
  start_date: "",
  is_trial: false,
  terms: {},
  features: null,
  note: "",
});

/**
 * The token is sent as Idempotency-Key: a retry after a lost response places the order once.
 *
 * @type {() => OrderDraft}
 */
export const createDraft = () => ({
  token: `console-${crypto.getRandomValues(new Uint32Array(4)).join("")}`,
  id: "",
  reference: "",
  is_test: false,
  customer: {
    email: "",
    first_name: "",
    last_name: "",
    company_name: "",
    phone: "",
    reference: "",
  },
  items: [createItem()],
});

/** @type {(text: string) => string[]} */
export const parseKeys = (text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/**
 * Build the request of a draft. `catalog` is `{products, policies}`, both by product code. Returns
 * `{body, locate}`; `locate` maps a fault of the API to its field in the form.
 *
 * @type {(draft: OrderDraft, catalog: Catalog) => BuiltOrder}
 */
export function buildOrder(draft, catalog) {
  const fields = new Map([
    ["", ""],
    ["/id", "id"],
    ["/items", "items"],
    ["/reference", "reference"],
  ]);
  /** @type {Record<string, string>} */
  const customer = {};
  for (const [name, value] of Object.entries(draft.customer)) {
    fields.set(`/customer/${name}`, `customer.${name}`);
    if (value.trim()) customer[name] = value.trim();
  }
  /** @type {Draft<OrderRequest>} */
  const body = { items: draft.items.map((item, n) => buildItem(item, n, catalog, fields)) };
  if (draft.id.trim()) body.id = draft.id.trim();
  if (draft.reference.trim()) body.reference = draft.reference.trim();
  if (draft.is_test) body.is_test = true;
  if (Object.keys(customer).length) body.customer = customer;
  if (catalog.products[draft.items[0]?.product]?.is_bundle) body.is_bundle = true;
  const request = /** @type {OrderRequest} */ (body);
  return { body: request, locate: (fault) => locateFault(fault, fields) };
}

/**
 * `fields` maps each JSON pointer of the request to a field of the form.
 *
 * @param {ItemDraft} item
 * @param {number} n
 * @param {Catalog} catalog
 * @param {Fields} fields
 */
function buildItem(item, n, catalog, fields) {
  const product = catalog.products[item.product];
  const at = `/items/${n}`;
  const field = `items.${n}`;
  fields.set(at, `${field}.product`);
  fields.set(`${at}/licenses`, `${field}.count`);
  fields.set(`${at}/note`, `${field}.note`);
  const licenses = buildHolders(item, product).map((holder, index) => {
    const path = `${at}/licenses/${index}`;
    fields.set(path, `${field}.product`);
    fields.set(`${path}/key`, `${field}.keys`);
    fields.set(`${path}/users`, `${field}.users`);
    holder.users?.forEach((_, k) => {
      fields.set(`${path}/users/${k}`, `${field}.users.${(holder.first ?? 0) + k}`);
    });
    const { first: _, ...license } = holder;
    return product?.is_bundle
      ? { ...license, products: buildMembers(item, product, path, field, catalog, fields) }
      : { ...license, ...buildLicense(item, product, path, field, catalog, fields) };
  });
  /** @type {Draft<OrderItemRequest>} */
  const body = { product_code: item.product, licenses };
  if (item.note.trim()) body.note = item.note.trim();
  if (product?.is_bundle && item.policy) body.license_policy = item.policy;
  fields.set(`${at}/license_policy`, `${field}.policy`);
  return body;
}

/**
 * One entry per license: its users, its key, or nothing. `first` is the form's index of its users.
 *
 * @type {(item: ItemDraft, product?: Product) => Holder[]}
 */
function buildHolders(item, product) {
  if (product?.authorization_method === "user") {
    const users = item.users.map(({ email, is_manager }) =>
      is_manager ? { email: email.trim(), is_manager } : { email: email.trim() },
    );
    return item.shared
      ? [{ first: 0, users }]
      : users.map((user, k) => ({ first: k, users: [user] }));
  }
  if (item.own_keys) return parseKeys(item.keys).map((key) => ({ key }));
  const length = Math.min(Number(item.count) || 0, MAX_LICENSES + 1);
  return Array.from({ length }, () => ({}));
}

/**
 * @param {ItemDraft} item
 * @param {Product} bundle
 * @param {string} path
 * @param {string} field
 * @param {Catalog} catalog
 * @param {Fields} fields
 */
function buildMembers(item, bundle, path, field, catalog, fields) {
  return bundle.bundle_products.map((code, k) => {
    fields.set(`${path}/products/${k}`, `${field}.members.${part(code)}`);
    const policy = item.members[code] || defaultPolicy(catalog, code)?.code;
    return policy ? { product_code: code, policy_code: policy } : { product_code: code };
  });
}

/**
 * @param {ItemDraft} item
 * @param {Product | undefined} product
 * @param {string} path
 * @param {string} field
 * @param {Catalog} catalog
 * @param {Fields} fields
 */
function buildLicense(item, product, path, field, catalog, fields) {
  const type = effectiveType(item, catalog);
  fields.set(`${path}/policy_code`, `${field}.policy`);
  for (const name of ["license_type", "validity_period", "start_date"])
    fields.set(`${path}/${name}`, `${field}.${name}`);
  const method = product?.authorization_method;
  for (const { name } of groupsFor(type, method).flatMap(({ terms }) => terms))
    fields.set(`${path}/${name}`, `${field}.terms.${name}`);
  /** @type {Draft<LicenseRequest>} */
  const license = toApiTerms(item.terms, type, method);
  if (item.policy) license.policy_code = item.policy;
  for (const name of /** @type {const} */ (["license_type", "validity_period", "start_date"]))
    if (item[name]) license[name] = item[name];
  if (item.is_trial) license.is_trial = true;
  const { features } = item;
  if (features)
    license.product_features = (product?.product_features ?? [])
      .filter(({ code }) => features[code]?.on)
      .map(({ code }, k) => {
        fields.set(`${path}/product_features/${k}`, `${field}.features.${part(code)}`);
        const most = features[code].max_consumption?.trim();
        return most
          ? { code, max_consumption: /^\d{1,15}$/.test(most) ? Number(most) : most }
          : code;
      });
  return license;
}

/** @type {(catalog: Catalog, code: string) => Policy | undefined} */
const defaultPolicy = (catalog, code) =>
  catalog.policies[code]?.find(({ is_default }) => is_default);

/** @type {(item: ItemDraft, catalog: Catalog) => Policy | undefined} */
export const effectivePolicy = (item, catalog) =>
  catalog.policies[item.product]?.find(({ code }) => code === item.policy) ??
  defaultPolicy(catalog, item.product);

/**
 * The type of the license, resolved like the API does: explicit, or inherited.
 *
 * @type {(item: ItemDraft, catalog: Catalog) => string}
 */
export const effectiveType = (item, catalog) =>
  item.license_type ||
  effectivePolicy(item, catalog)?.default_license_type ||
  defaultPolicy(catalog, item.product)?.default_license_type ||
  catalog.products[item.product]?.default_license_type ||
  "perpetual";

/**
 * The value of a term if its field is blank.
 *
 * @type {(item: ItemDraft, catalog: Catalog, name: TermName) => unknown}
 */
export const inheritedTerm = (item, catalog, name) =>
  effectivePolicy(item, catalog)?.[name] ??
  defaultPolicy(catalog, item.product)?.[name] ??
  catalog.products[item.product]?.[name];

const EMAIL = /^[^@\s]+@[^@\s]+\.?[^@\s]*$/;

/**
 * Faults that need no request: fields that must not be blank, and values of a wrong format.
 *
 * @type {(draft: OrderDraft, catalog: Catalog) => FieldFault[]}
 */
export function findFaults(draft, catalog) {
  const email = draft.customer.email.trim();
  /** @type {FieldFault[]} */
  const customer =
    email && !EMAIL.test(email)
      ? [{ at: "customer.email", message: "Enter a complete email address, or choose a customer" }]
      : [];
  return [...customer, ...draft.items.flatMap((item, n) => findItemFaults(item, n, catalog))];
}

/** @type {(item: ItemDraft, n: number, catalog: Catalog) => FieldFault[]} */
function findItemFaults(item, n, catalog) {
  const field = `items.${n}`;
  const product = catalog.products[item.product];
  if (!product) return [{ at: `${field}.product`, message: "Choose a product" }];
  return [...findHolderFaults(item, field, product), ...findTermFaults(item, field, catalog)];
}

/** @type {(item: ItemDraft, field: string, product: Product) => FieldFault[]} */
function findHolderFaults(item, field, product) {
  if (product.authorization_method === "user")
    return item.users.flatMap(({ email }, k) =>
      EMAIL.test(email.trim())
        ? []
        : [{ at: `${field}.users.${k}`, message: "Enter an email address or remove this user" }],
    );
  if (item.own_keys)
    return parseKeys(item.keys).length
      ? []
      : [{ at: `${field}.keys`, message: "Enter one key per line" }];
  return /^[1-9]\d{0,3}$/.test(item.count) && Number(item.count) <= MAX_LICENSES
    ? []
    : [{ at: `${field}.count`, message: "Enter a number from 1 to 1,000" }];
}

/** @type {(item: ItemDraft, field: string, catalog: Catalog) => FieldFault[]} */
function findTermFaults(item, field, catalog) {
  const product = catalog.products[item.product];
  if (product.is_bundle) return [];
  const type = effectiveType(item, catalog);
  const terms = groupsFor(type, product.authorization_method).flatMap((group) => group.terms);
  const faults = terms.flatMap((term) => {
    const message = findProblem(term, item.terms[term.name]);
    return message ? [{ at: `${field}.terms.${term.name}`, message }] : [];
  });
  const ends =
    type !== "time-limited" ||
    item.validity_period ||
    item.terms.valid_duration?.trim() ||
    inheritedTerm(item, catalog, "valid_duration") ||
    !catalog.policies[item.product];
  return ends
    ? faults
    : [
        ...faults,
        {
          at: `${field}.terms.valid_duration`,
          message: "A time-limited license needs a duration or an end date",
        },
      ];
}

/**
 * A draft with the products, policies and numbers of licenses of an order, for the same customer.
 * Terms are those of the policies today. Products that can't be ordered any more are left out.
 *
 * @type {(order: Order, catalog: Catalog) => OrderDraft}
 */
export function draftAgain(order, catalog) {
  const items = order.order_items.flatMap((item) => {
    const product = catalog.products[item.product_code];
    if (!product?.active || product.is_archived) return [];
    return product.is_bundle ? [bundleAgain(item, catalog)] : productAgain(item, catalog);
  });
  const email = order.customer?.email ?? "";
  const start = createDraft();
  return {
    ...start,
    is_test: order.is_test,
    customer: { ...start.customer, email },
    items: items.length ? items : start.items,
  };
}

/** @type {(licenses: OrderItem["licenses"]) => License[]} */
const complete = (licenses) =>
  /** @type {License[]} */ (licenses.filter((license) => "policy_code" in license));

/** @type {(catalog: Catalog, product: string, code: string | undefined) => string} */
function policyAgain(catalog, product, code) {
  const policy = catalog.policies[product]?.find((each) => each.code === code);
  return !policy || policy.is_default || policy.is_archived ? "" : policy.code;
}

/** @type {(item: OrderItem, catalog: Catalog) => ItemDraft} */
function bundleAgain({ product_code: product, licenses, note }, catalog) {
  const known = complete(licenses);
  const members = known.filter((license) => license.bundle_license !== null);
  return {
    ...createItem(),
    product,
    note: note ?? "",
    count: String(Math.max(1, known.length - members.length)),
    members: Object.fromEntries(
      members.map(({ product: { short_code: code }, policy_code: policy }) => [
        code,
        policyAgain(catalog, code, policy),
      ]),
    ),
  };
}

/** @type {(item: OrderItem, catalog: Catalog) => ItemDraft[]} */
function productAgain({ product_code: product, licenses, note }, catalog) {
  /** @type {Map<string, License[]>} */
  const groups = new Map();
  for (const license of complete(licenses)) {
    const policy = policyAgain(catalog, product, license.policy_code);
    groups.set(policy, [...(groups.get(policy) ?? []), license]);
  }
  if (!groups.size) groups.set("", []);
  return [...groups].map(([policy, group]) => {
    const users = group.flatMap((license) =>
      license.license_users.map(({ email, is_manager }) => ({ email, is_manager })),
    );
    const start = createItem();
    return {
      ...start,
      product,
      policy,
      note: note ?? "",
      count: String(Math.max(1, group.length || licenses.length)),
      users: users.length ? users : start.users,
    };
  });
}

/**
 * Find the field of the longest known prefix of a fault's pointer.
 *
 * @type {(fault: Fault, fields: Fields) => FieldFault}
 */
function locateFault({ pointer, message, value }, fields) {
  let prefix = pointer ?? "";
  while (prefix && !fields.has(prefix)) prefix = prefix.slice(0, prefix.lastIndexOf("/"));
  const at = fields.get(prefix) ?? "";
  return { at, message: at.endsWith(".keys") && value ? `${value}: ${message}` : message };
}
