// The list of license policies: named sets of terms of a product.

/** @import { Answer, Loadable, Policy, Product } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { productColumn, productFilter, useProducts, withProductNames } from "./catalog.js";
import { Filters } from "../forms/filters.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Badge, Empty, Loaded, Page, Pager, Table } from "../parts/parts.js";
import { EditPolicy, NewPolicy } from "./policy_form.js";
import { link } from "../parts/route.js";
import { summarizeTerms, TYPES } from "./terms.js";

const LIMIT = 50;

/** @param {{ parts: string[], query: PageQuery }} props */
export function Policies({ parts: [id], query }) {
  const products = useProducts();
  if (!id) return html`<${PolicyList} query=${query} products=${products} />`;
  return id === "new"
    ? html`<${NewPolicy} code=${query.product} products=${products} />`
    : html`<${EditPolicy} key=${id} id=${id} products=${products} />`;
}

/** @type {Column<Policy>[]} */
export const POLICY_COLUMNS = [
  {
    head: "Policy",
    cell: (policy) =>
      html`<a href=${link(`policies/${policy.id}`)}>${policy.name}</a> ${
        policy.is_default && html`<${Badge} tone="good">Default<//>`
      } ${
        policy.is_archived &&
        html`<${Badge}
        tone="off">Archived<//>`
      }`,
  },
  { head: "Code", kind: "code", cell: ({ code }) => code },
  {
    head: "License type",
    kind: "mid",
    cell: ({ default_license_type: type }) =>
      (type && TYPES[type]) ?? html`<span class="soft">From product</span>`,
  },
  {
    head: "Terms",
    wide: true,
    cell: (policy) => summarizeTerms(policy) || html`<span class="soft">From product</span>`,
  },
  {
    head: "Features",
    wide: true,
    cell: ({ license_product_feature_templates: grants }) =>
      grants.map((grant) => grant.product_feature.name).join(", ") || "–",
  },
];

/** @param {{ query: PageQuery, products: Loadable<Product[]> }} props */
function PolicyList({ query, products }) {
  const policies = useLoad(
    (signal) => api.get("license-templates/", { ...query, limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const columns = POLICY_COLUMNS.toSpliced(2, 0, productColumn(products));
  const create = html`<${LinkButton} scope="catalog:write" icon="plus"
    to=${link("policies/new", { product: query.product })}>New policy<//>`;
  return html`<${Page} title="License policies" lead="Reusable license terms"
    actions=${create}>
    <${Filters} path="policies" fields=${[productFilter(products)]} query=${query}
      action="Filter policies" />
    <${Loaded} from=${withProductNames(policies, products)} rows=${6}>
      ${(/** @type {Answer<"get", "license-templates/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="License policies" columns=${columns} rows=${page.results}
            busy=${policies.loading} /><${Pager} page=${page} path="policies" query=${query}
            limit=${LIMIT} nouns=${["policy", "policies"]} />`
          : html`<${Empty} icon="policies"
            title="No policies yet"><p>Each product comes with a default policy. <a
            href=${link("products/new")}>Create a product</a></p><//>`}
    <//>
  <//>`;
}
