// Load the catalog: all products, and the policies of the products that a page needs.
import { signal } from "@preact/signals";
import * as api from "../api/api.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { link } from "../parts/route.js";
import { signInCount } from "../api/session.js";

/** All records of a list, page by page. */
export async function listAll(path, query, options) {
  const records = [];
  let cursor;
  do {
    const page = await api.get(path, { ...query, limit: 100, cursor }, options);
    records.push(...page.results);
    cursor = page.cursor;
  } while (cursor);
  return records;
}

export const useProducts = () => useLoad((signal) => listAll("products/", {}, { signal }));

const indexByCode = (products) =>
  Object.fromEntries(products.map((product) => [product.short_code, product]));

/** The codes of the products for which an order sets a policy: the product's, or its members'. */
export const policyProducts = (product) =>
  product.is_bundle ? product.bundle_products : [product.short_code];

/** The policies that were loaded, by product code. */
export const policies = signal({});

export const createCatalog = (products) => ({
  products: indexByCode(products),
  policies: policies.value,
});

/** Load the policies of a product into `policies`. */
export async function loadPolicies(code, options) {
  const query = { product: code, is_archived: false };
  const records = await listAll("license-templates/", query, options);
  policies.value = { ...policies.value, [code]: records };
}

signInCount.subscribe(() => (policies.value = {}));

const toOption = ({ short_code: code, product_name: name }) => [code, `${name} (${code})`];

export const productOptions = (products) => [["", "Choose a product"], ...products.map(toOption)];

/** Keep a list in its loading state until its product names are loaded, or failed to load. */
export const withProductNames = (list, products) =>
  products.value || products.error ? list : { ...list, value: null, error: null };

/** The product column of a table. */
export const productColumn = (products, kind) => {
  const names = new Map((products.value ?? []).map(({ id, product_name: name }) => [id, name]));
  return {
    head: "Product",
    kind,
    cell: ({ product: id }) => html`<a href=${link(`products/${id}`)}>${names.get(id) ?? id}</a>`,
  };
};

/** The product filter of a list. */
export const productFilter = (products) => ({
  name: "product",
  label: "Product",
  options: [["", "All products"], ...(products.value ?? []).map(toOption)],
});
