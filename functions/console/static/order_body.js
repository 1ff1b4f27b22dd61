// An order as it is typed, and as the API takes it: `bodyOf` writes the request and notes for each
// place in it which field of the form it came from; `tell` then finds the field of a refusal.

import { part } from "./names.js";
import { groupsFor, termsOf } from "./terms.js";

export const newItem = () => ({
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

// The token goes along as Idempotency-Key: an order whose answer was lost is not placed twice.
export const newDraft = () => ({
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
  items: [newItem()],
});

export const keysIn = (text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

// `catalog` is `{products, policies}`, each by code, the policies of a product under its code.
export function bodyOf(draft, catalog) {
  const places = new Map([
    ["", ""],
    ["/id", "id"],
    ["/items", "items"],
    ["/reference", "reference"],
  ]);
  const customer = {};
  for (const [name, value] of Object.entries(draft.customer)) {
    places.set(`/customer/${name}`, `customer.${name}`);
    if (value.trim()) customer[name] = value.trim();
  }
  const body = { items: draft.items.map((item, n) => itemOf(item, n, catalog, places)) };
  if (draft.id.trim()) body.id = draft.id.trim();
  if (draft.reference.trim()) body.reference = draft.reference.trim();
  if (draft.is_test) body.is_test = true;
  if (Object.keys(customer).length) body.customer = customer;
  if (catalog.products[draft.items[0]?.product]?.is_bundle) body.is_bundle = true;
  return { body, tell: (fault) => told(fault, places) };
}

function itemOf(item, n, catalog, places) {
  const product = catalog.products[item.product];
  const at = `/items/${n}`;
  const field = `items.${n}`;
  places.set(at, `${field}.product`);
  places.set(`${at}/licenses`, `${field}.count`);
  places.set(`${at}/note`, `${field}.note`);
  const licenses = holdersOf(item, product).map((holder, index) => {
    const path = `${at}/licenses/${index}`;
    places.set(path, `${field}.product`);
    places.set(`${path}/key`, `${field}.keys`);
    places.set(`${path}/users`, `${field}.users`);
    holder.users?.forEach((user, k) => {
      places.set(`${path}/users/${k}`, `${field}.users.${holder.first + k}`);
    });
    const { first: _, ...held } = holder;
    return product?.is_bundle
      ? { ...held, products: membersOf(item, product, path, field, catalog, places) }
      : { ...held, ...licenseOf(item, product, path, field, catalog, places) };
  });
  const body = { product_code: item.product, licenses };
  if (item.note.trim()) body.note = item.note.trim();
  if (product?.is_bundle && item.policy) body.license_policy = item.policy;
  places.set(`${at}/license_policy`, `${field}.policy`);
  return body;
}

// Who or what each license is for: users, keys, or nothing but a number of them.
// `first` is where its users begin in the form.
function holdersOf(item, product) {
  if (product?.authorization_method === "user") {
    const users = item.users.map(({ email, is_manager }) =>
      is_manager ? { email: email.trim(), is_manager } : { email: email.trim() },
    );
    return item.shared
      ? [{ first: 0, users }]
      : users.map((user, k) => ({ first: k, users: [user] }));
  }
  if (item.own_keys) return keysIn(item.keys).map((key) => ({ key }));
  return Array.from({ length: Math.min(Number(item.count) || 0, 1001) }, () => ({}));
}

function membersOf(item, bundle, path, field, catalog, places) {
  return bundle.bundle_products.map((code, k) => {
    places.set(`${path}/products/${k}`, `${field}.members.${part(code)}`);
    const policy = item.members[code] || defaultPolicy(catalog, code)?.code;
    return policy ? { product_code: code, policy_code: policy } : { product_code: code };
  });
}

function licenseOf(item, product, path, field, catalog, places) {
  const type = typeOf(item, catalog);
  places.set(`${path}/policy_code`, `${field}.policy`);
  for (const name of ["license_type", "validity_period", "start_date"])
    places.set(`${path}/${name}`, `${field}.${name}`);
  const method = product?.authorization_method;
  for (const { name } of groupsFor(type, method).flatMap(({ terms }) => terms))
    places.set(`${path}/${name}`, `${field}.terms.${name}`);
  const license = termsOf(item.terms, type, method);
  if (item.policy) license.policy_code = item.policy;
  for (const name of ["license_type", "validity_period", "start_date"])
    if (item[name]) license[name] = item[name];
  if (item.is_trial) license.is_trial = true;
  if (item.features)
    license.product_features = (product?.product_features ?? [])
      .filter(({ code }) => item.features[code]?.on)
      .map(({ code }, k) => {
        places.set(`${path}/product_features/${k}`, `${field}.features.${part(code)}`);
        const most = item.features[code].max_consumption?.trim();
        return most
          ? { code, max_consumption: /^\d{1,15}$/.test(most) ? Number(most) : most }
          : code;
      });
  return license;
}

const defaultPolicy = (catalog, code) =>
  catalog.policies[code]?.find(({ is_default }) => is_default);

export const policyOf = (item, catalog) =>
  catalog.policies[item.product]?.find(({ code }) => code === item.policy) ??
  defaultPolicy(catalog, item.product);

// The type that a license will have: what is asked for, else what policy, default policy or product
// say, as the API settles it.
export const typeOf = (item, catalog) =>
  item.license_type ||
  policyOf(item, catalog)?.default_license_type ||
  defaultPolicy(catalog, item.product)?.default_license_type ||
  catalog.products[item.product]?.default_license_type ||
  "perpetual";

// What a term will be if nothing is typed.
export const inherited = (item, catalog, name) =>
  policyOf(item, catalog)?.[name] ??
  defaultPolicy(catalog, item.product)?.[name] ??
  catalog.products[item.product]?.[name];

// What can be said before asking: fields that are empty and can't be.
export function missing(draft, catalog) {
  return draft.items.flatMap((item, n) => {
    const field = `items.${n}`;
    const product = catalog.products[item.product];
    if (!product) return [{ at: `${field}.product`, message: "Choose a product" }];
    if (product.authorization_method === "user")
      return item.users.flatMap(({ email }, k) =>
        email.trim()
          ? []
          : [{ at: `${field}.users.${k}`, message: "Enter an email address or remove this user" }],
      );
    if (item.own_keys)
      return keysIn(item.keys).length
        ? []
        : [{ at: `${field}.keys`, message: "Type a key on each line" }];
    return /^[1-9]\d{0,3}$/.test(item.count) && Number(item.count) <= 1000
      ? []
      : [{ at: `${field}.count`, message: "Type a number from 1 to 1,000" }];
  });
}

// The field whose place in the body is nearest to a fault's pointer.
function told({ pointer, message, value }, places) {
  let near = pointer ?? "";
  while (near && !places.has(near)) near = near.slice(0, near.lastIndexOf("/"));
  const at = places.get(near) ?? "";
  return { at, message: at.endsWith(".keys") && value ? `${value}: ${message}` : message };
}
