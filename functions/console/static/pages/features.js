// The list of product features (optional capabilities of licenses), and the form of a feature.

/** @import { Answer, Draft, Feature, Loadable, NewFeature as FeatureRequest, Product } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import {
  productColumn,
  productFilter,
  productOptions,
  useProducts,
  withProductNames,
} from "./catalog.js";
import { Filters } from "../forms/filters.js";
import { FormCheckbox, FormSelect, FormField, RecordForm, useForm } from "../forms/form.js";
import { formatNumber } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Empty, Loaded, Page, Pager, Table } from "../parts/parts.js";
import { CatalogStatus } from "./records.js";
import { go, link } from "../parts/route.js";
import { locateFault, toApiNumber } from "./terms.js";

const LIMIT = 50;
/** @type {Record<string, string>} */
const FEATURE_TYPES = { activation: "On/off", consumption: "Metered" };

/** @param {{ parts: string[], query: PageQuery }} props */
export function Features({ parts: [id], query }) {
  const products = useProducts();
  if (!id) return html`<${FeatureList} query=${query} products=${products} />`;
  return id === "new"
    ? html`<${NewFeature} code=${query.product} products=${products} />`
    : html`<${EditFeature} key=${id} id=${id} products=${products} />`;
}

/** @type {Column<Feature>[]} */
export const FEATURE_COLUMNS = [
  { head: "Feature", cell: ({ id, name }) => html`<a href=${link(`features/${id}`)}>${name}</a>` },
  { head: "Code", kind: "code", cell: ({ code }) => code },
  { head: "Type", wide: true, cell: ({ feature_type: type }) => FEATURE_TYPES[type] },
  {
    head: "Uses",
    wide: true,
    kind: "number",
    cell: ({ max_consumption: most }) => formatNumber(most),
  },
  {
    head: "Status",
    cell: (feature) => html`<${CatalogStatus} of=${feature} activeText="Active" />`,
  },
];

/** @param {{ query: PageQuery, products: Loadable<Product[]> }} props */
function FeatureList({ query, products }) {
  const features = useLoad(
    (signal) => api.get("product-features/", { ...query, limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const columns = FEATURE_COLUMNS.toSpliced(2, 0, productColumn(products, "mid"));
  const create = html`<${LinkButton} scope="catalog:write" icon="plus"
    to=${link("features/new", { product: query.product })}>New feature<//>`;
  return html`<${Page} title="Product features"
    lead="Optional capabilities a license can include or meter" actions=${create}>
    <${Filters} path="features" fields=${[productFilter(products)]} query=${query}
      action="Filter features" />
    <${Loaded} from=${withProductNames(features, products)} rows=${6}>
      ${(/** @type {Answer<"get", "product-features/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Product features" columns=${columns} rows=${page.results}
            busy=${features.loading} /><${Pager} page=${page} path="features" query=${query}
            limit=${LIMIT} nouns=${["feature"]} />`
          : html`<${Empty} icon="features"
            title="No features yet">
            <p>A feature is an optional capability that a license can include or meter, e.g. PDF export
              or a number of renders.</p>${create}<//>`}
    <//>
  <//>`;
}

/** @param {{ code: string, products: Loadable<Product[]> }} props */
function NewFeature({ code, products }) {
  return html`<${Page} title="New feature"
    back=${{ href: link("features"), text: "Product features" }}>
    <${Loaded} from=${products} rows=${4}>${(
      /** @type {Product[]} */ all,
    ) => html`<${FeatureForm} code=${code}
      products=${all} />`}<//>
  <//>`;
}

/** @param {{ id: string, products: Loadable<Product[]> }} props */
function EditFeature({ id, products }) {
  const feature = useLoad((signal) => api.get(`product-features/${id}/`, {}, { signal }), [id]);
  return html`<${Page} title=${feature.value?.name ?? "Feature"}
    back=${{ href: link("features"), text: "Product features" }}>
    <${Loaded} from=${products} rows=${4}>
      ${(/** @type {Product[]} */ all) =>
        html`<${Loaded} from=${feature} rows=${4}>${(
          /** @type {Feature} */ value,
        ) => html`<${FeatureForm}
        feature=${value} products=${all} />`}<//>`}
    <//>
  <//>`;
}

/**
 * @typedef {{
 *   product: string,
 *   name: string,
 *   code: string,
 *   feature_type: string,
 *   max_consumption: string,
 *   active: boolean,
 * }} FeatureDraft
 */

/** @type {(feature?: Feature, product?: string) => FeatureDraft} */
const createDraft = (feature, product) => ({
  product: product ?? "",
  name: feature?.name ?? "",
  code: feature?.code ?? "",
  feature_type: feature?.feature_type ?? "activation",
  max_consumption: String(feature?.max_consumption ?? ""),
  active: feature?.active ?? true,
});

/** @param {{ feature?: Feature, code?: string, products: Product[] }} props */
function FeatureForm({ feature, code, products }) {
  const own = feature && products.find(({ id }) => id === feature.product);
  const form = useForm(`feature ${feature?.id ?? ""}`, () =>
    createDraft(feature, own?.short_code ?? code),
  );
  const product = products.find(({ short_code: named }) => named === form.get("product"));
  const metered = form.get("feature_type") === "consumption";
  const submit = () =>
    form.submit(async ({ max_consumption: most, ...rest }) => {
      /** @type {Draft<FeatureRequest>} */
      const draft = metered ? { ...rest, max_consumption: toApiNumber(most) } : rest;
      const body = /** @type {FeatureRequest} */ (draft);
      if (feature) await api.patch(`product-features/${feature.id}/`, body);
      else await api.post("product-features/", body);
      announce("Feature saved");
      go(product ? `products/${product.id}` : "features");
    }, locateFault);
  return html`<${RecordForm} form=${form} action=${feature ? "Save changes" : "Create feature"}
    scope="catalog:write" onSubmit=${submit}
    back=${product ? link(`products/${product.id}`) : link("features")}>
    <section class="card">
      <div class="columns">
        <${FormSelect} form=${form} name="product" label="Product" required disabled=${Boolean(feature)}
          options=${productOptions(products)} />
        <${FormField} form=${form} name="name" label="Name" required autocomplete="off"
          hint="E.g. PDF export" />
        <${FormField} form=${form} name="code" label="Code" required autocomplete="off"
          disabled=${Boolean(feature)} hint=${feature ? "Can’t be changed" : "Used in orders and files; can’t be changed. E.g. export-pdf"} />
        <${FormSelect} form=${form} name="feature_type" label="Type" options=${Object.entries(FEATURE_TYPES)}
          disabled=${Boolean(feature)} />
        ${
          metered &&
          html`<${FormField} form=${form} name="max_consumption" label="Uses"
          inputmode="numeric" autocomplete="off" hint="Default when neither policy nor order sets it" />`
        }
      </div>
      <${FormCheckbox} form=${form} name="active" label="Active"
        hint="Off: not available to new licenses" />
    </section>
  <//>`;
}
