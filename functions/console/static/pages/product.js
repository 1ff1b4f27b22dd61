// A product with its policies and features.

/** @import { Policy, Product as ProductRecord } from "../api/types.ts" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { listAll } from "./catalog.js";
import { FEATURE_COLUMNS } from "./features.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Loaded, Page, Table } from "../parts/parts.js";
import { POLICY_COLUMNS } from "./policies.js";
import { authorizationOf, CatalogStatus } from "./records.js";
import { link } from "../parts/route.js";
import { formatTerm, TERMS, TYPES } from "./terms.js";

/** @param {{ id: string }} props */
export function Product({ id }) {
  const product = useLoad(
    async (signal) => {
      const record = await api.get(`products/${id}/`, {}, { signal });
      const policies = await listAll(
        "license-templates/",
        { product: record.short_code },
        { signal },
      );
      return { ...record, policies };
    },
    [id],
  );
  const edit = html`<${LinkButton} scope="catalog:write" plain
    to=${link(`products/${id}/edit`)}>Edit product<//>`;
  return html`<${Page} title=${product.value?.product_name ?? "Product"}
    actions=${product.value && edit}
    back=${{ href: link("products"), text: "Products" }}>
    <${Loaded} from=${product} rows=${8}>${(/** @type {ProductRecord & { policies: Policy[] }} */ value) => html`<${Details} product=${value} />`}<//>
  <//>`;
}

/** @param {{ product: ProductRecord & { policies: Policy[] } }} props */
function Details({ product }) {
  const terms = TERMS.filter(({ name }) => product[name] != null);
  /**
   * @param {string} path
   * @param {string} text
   */
  const createButton = (path, text) =>
    html`<${LinkButton} scope="catalog:write" plain icon="plus"
      to=${link(path, { product: product.short_code })}>${text}<//>`;
  const features = product.product_features.map((feature) => ({
    ...feature,
    product_name: product.product_name,
  }));
  return html`<div class="stack">
    <dl class="card">
      <dt>Code</dt><dd><code>${product.short_code}</code></dd>
      <dt>Status</dt><dd><${CatalogStatus} of=${product} /></dd>
      <dt>Authorization</dt><dd>${authorizationOf(product)}</dd>
      ${
        product.is_bundle &&
        html`<dt>Bundle members</dt><dd>${product.bundle_products.map(
          (code) => html`<code>${code}</code> `,
        )}</dd>`
      }
      <dt>License type</dt><dd>${product.default_license_type ? TYPES[product.default_license_type] : "Set per policy"}</dd>
      ${terms.map(
        (term) => html`<dt>${term.label}</dt><dd>${formatTerm(term, product[term.name])}</dd>`,
      )}
    </dl>
    <section>
      <div class="row apart heading"><h2>Policies <span
        class="soft">${product.policies.length}</span></h2>${createButton("policies/new", "New policy")}</div>
      <${Table} caption="Policies" columns=${POLICY_COLUMNS} rows=${product.policies} />
    </section>
    <section>
      <div class="row apart heading"><h2>Features <span
        class="soft">${features.length}</span></h2>${createButton("features/new", "New feature")}</div>
      ${
        features.length
          ? html`<${Table} caption="Features" columns=${FEATURE_COLUMNS} rows=${features} />`
          : html`<p
            class="soft">No features yet. A feature is an optional capability that a license can
            include or meter.</p>`
      }
    </section>
  </div>`;
}
