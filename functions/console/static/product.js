// One product with its policies and features.
import * as api from "./api.js";
import { every } from "./catalog.js";
import { FEATURE_COLUMNS } from "./features.js";
import { Action } from "./fields.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Loaded, Page, Table } from "./parts.js";
import { POLICY_COLUMNS } from "./policies.js";
import { State, licensedBy } from "./records.js";
import { link } from "./route.js";
import { TERMS, TYPES, inWords } from "./terms.js";

export function Product({ id }) {
  const product = useLoad(
    async (signal) => {
      const found = await api.get(`products/${id}/`, {}, { signal });
      const policies = await every("license-templates/", { product: found.short_code }, { signal });
      return { ...found, policies };
    },
    [id],
  );
  const edit = html`<${Action} scope="catalog:write" plain
    to=${link(`products/${id}/edit`)}>Edit<//>`;
  return html`<${Page} title=${product.value?.product_name ?? "Product"}
    actions=${product.value && edit}
    back=${{ href: link("products"), text: "Products" }}>
    <${Loaded} from=${product} rows=${8}>${(value) => html`<${Whole} product=${value} />`}<//>
  <//>`;
}

function Whole({ product }) {
  const said = TERMS.filter(({ name }) => product[name] != null);
  const more = (path, text) =>
    html`<${Action} scope="catalog:write" plain icon="plus"
      to=${link(path, { product: product.short_code })}>${text}<//>`;
  const features = product.product_features.map((feature) => ({
    ...feature,
    product_name: product.product_name,
  }));
  return html`<div class="stack">
    <dl class="card">
      <dt>Code</dt><dd><code>${product.short_code}</code></dd>
      <dt>State</dt><dd><${State} of=${product} /></dd>
      <dt>Licensed by</dt><dd>${licensedBy(product)}</dd>
      ${product.is_bundle && html`<dt>In the bundle</dt><dd>${product.bundle_products.map((code) =>
        html`<code>${code}</code> `)}</dd>`}
      <dt>Type</dt><dd>${TYPES[product.default_license_type] ?? "As each policy says"}</dd>
      ${said.map((term) =>
        html`<dt>${term.label}</dt><dd>${inWords(term, product[term.name])}</dd>`)}
    </dl>
    <section>
      <div class="row apart heading"><h2>Policies <span
        class="soft">${product.policies.length}</span></h2>${more("policies/new", "New policy")}</div>
      <${Table} caption="Policies" columns=${POLICY_COLUMNS} rows=${product.policies} />
    </section>
    <section>
      <div class="row apart heading"><h2>Features <span
        class="soft">${features.length}</span></h2>${more("features/new", "New feature")}</div>
      ${
        features.length
          ? html`<${Table} caption="Features" columns=${FEATURE_COLUMNS} rows=${features} />`
          : html`<p
            class="soft">A feature is something that a license may switch on, or count, beside the
            product itself.</p>`
      }
    </section>
  </div>`;
}
