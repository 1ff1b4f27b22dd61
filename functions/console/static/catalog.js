// What can be sold, as pages read it: products whole, and the policies of those that are asked for.
import { signal } from "@preact/signals";
import * as api from "./api.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { link } from "./route.js";
import { signIns } from "./session.js";

/** Every record of a list. */
export async function every(path, query, options) {
  const all = [];
  let cursor;
  do {
    const page = await api.get(path, { ...query, limit: 100, cursor }, options);
    all.push(...page.results);
    cursor = page.cursor;
  } while (cursor);
  return all;
}

export const useProducts = () => useLoad((signal) => every("products/", {}, { signal }));

const byCode = (products) =>
  Object.fromEntries(products.map((product) => [product.short_code, product]));

/** The codes of the products whose policies an order of it may name: its own, or its members'. */
export const soldWith = (product) =>
  product.is_bundle ? product.bundle_products : [product.short_code];

/** Policies on offer, by the code of their product; of those that were asked for. */
export const policies = signal({});

export const catalogOf = (products) => ({ products: byCode(products), policies: policies.value });

/** Reads the policies of a product, so that `catalogOf` has them. Throws what the API says. */
export async function readPolicies(code, options) {
  const offered = await every("license-templates/", { product: code, is_archived: false }, options);
  policies.value = { ...policies.value, [code]: offered };
}

signIns.subscribe(() => (policies.value = {}));

const choice = ({ short_code: code, product_name: name }) => [code, `${name} (${code})`];

export const choicesOf = (products) => [["", "Choose a product"], ...products.map(choice)];

/** What a list is once it can name its products: it waits for them, or does without. */
export const named = (list, products) =>
  products.value || products.error ? list : { ...list, value: null, error: null };

/** The column of lists that names the product. */
export const productColumn = (products, kind) => {
  const names = new Map((products.value ?? []).map(({ id, product_name: name }) => [id, name]));
  return {
    head: "Product",
    kind,
    cell: ({ product: id }) => html`<a href=${link(`products/${id}`)}>${names.get(id) ?? id}</a>`,
  };
};

/** The filter of lists by product. */
export const ofProduct = (products) => ({
  name: "product",
  label: "Product",
  options: [["", "All products"], ...(products.value ?? []).map(choice)],
});
