// Load the catalog: all products, and the policies of the products that a page needs.

/** @import { Signal } from "@preact/signals" */
/** @import { Loadable, Policy, Product, Query } from "../api/types.ts" */
/** @import { Column, Option } from "../parts/types.ts" */
import { signal } from "@preact/signals";
import * as api from "../api/api.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { link } from "../parts/route.js";
import { signInCount } from "../api/session.js";

/** @typedef {{ "products/": Product, "license-templates/": Policy }} Lists the records by path */
/** @typedef {keyof Query<"licenses/"> & keyof Query<"license-templates/">} FilterName */
/** @typedef {{ name: FilterName, label: string, options: Option[] }} ProductFilter */
/** @typedef {{ products: Record<string, Product>, policies: Record<string, Policy[]> }} Catalog by product code */

/**
 * All records of a list, page by page.
 *
 * @template {keyof Lists} P
 * @param {P} path
 * @param {Query<P>} query
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Lists[P][]>}
 */
export async function listAll(path, query, options) {
  /** @type {Lists[P][]} */
  const records = [];
  /** @type {string | null | undefined} */
  let cursor;
  do {
    /** @type {{ results: unknown[], cursor: string | null }} */
    const page = await api.get(path, { ...query, limit: 100, cursor }, options);
    records.push(.../** @type {Lists[P][]} */ (page.results));
    cursor = page.cursor;
  } while (cursor);
  return records;
}

export const useProducts = () => useLoad((signal) => listAll("products/", {}, { signal }));

/** @type {(products: Product[]) => Record<string, Product>} */
const indexByCode = (products) =>
  Object.fromEntries(products.map((product) => [product.short_code, product]));

/**
 * The codes of the products for which an order sets a policy: the product's, or its members'.
 *
 * @type {(product: Product) => string[]}
 */
export const policyProducts = (product) =>
  product.is_bundle ? product.bundle_products : [product.short_code];

/**
 * The policies that were loaded, by product code.
 *
 * @type {Signal<Record<string, Policy[]>>}
 */
export const policies = signal({});

/** @type {(products: Product[]) => Catalog} */
export const createCatalog = (products) => ({
  products: indexByCode(products),
  policies: policies.value,
});

/**
 * Load the policies of a product into `policies`.
 *
 * @param {string} code
 * @param {{ signal?: AbortSignal }} [options]
 */
export async function loadPolicies(code, options) {
  const query = { product: code, is_archived: false };
  const records = await listAll("license-templates/", query, options);
  policies.value = { ...policies.value, [code]: records };
}

signInCount.subscribe(() => {
  policies.value = {};
});

/** @type {(product: Product) => Option} */
const toOption = ({ short_code: code, product_name: name }) => [code, `${name} (${code})`];

/** @type {(products: Product[]) => Option[]} */
export const productOptions = (products) => [["", "Choose a product"], ...products.map(toOption)];

/**
 * Keep a list in its loading state until its product names are loaded, or failed to load.
 *
 * @template T
 * @param {Loadable<T>} list
 * @param {Loadable<Product[]>} products
 * @returns {Loadable<T>}
 */
export const withProductNames = (list, products) =>
  products.value || products.error ? list : { ...list, value: null, error: null };

/**
 * The product column of a table.
 *
 * @type {(products: Loadable<Product[]>, kind?: "mid") => Column<{ product: number }>}
 */
export const productColumn = (products, kind) => {
  const names = new Map((products.value ?? []).map(({ id, product_name: name }) => [id, name]));
  return {
    head: "Product",
    kind,
    cell: ({ product: id }) => html`<a href=${link(`products/${id}`)}>${names.get(id) ?? id}</a>`,
  };
};

/**
 * The product filter of a list.
 *
 * @type {(products: Loadable<Product[]>) => ProductFilter}
 */
export const productFilter = (products) => ({
  name: "product",
  label: "Product",
  options: [["", "All products"], ...(products.value ?? []).map(toOption)],
});
