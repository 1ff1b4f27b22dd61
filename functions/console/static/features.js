// Product features: what a license may switch on, or count, beside the product itself.
import * as api from "./api.js";
import { choicesOf, named, ofProduct, productColumn, useProducts } from "./catalog.js";
import { Action } from "./fields.js";
import { Find } from "./find.js";
import { Choice, FormOf, Input, Tick, useForm } from "./form.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Empty, Loaded, Page, Pager, Table, number, say } from "./parts.js";
import { State } from "./records.js";
import { go, link } from "./route.js";
import { sentCount, tell } from "./terms.js";

const LIMIT = 50;
const KINDS = { activation: "Switched on or off", consumption: "Counted" };

export function Features({ parts: [id], query }) {
  const products = useProducts();
  if (!id) return html`<${FeatureList} query=${query} products=${products} />`;
  return id === "new"
    ? html`<${NewFeature} code=${query.product} products=${products} />`
    : html`<${EditFeature} key=${id} id=${id} products=${products} />`;
}

export const FEATURE_COLUMNS = [
  { head: "Feature", cell: ({ id, name }) => html`<a href=${link(`features/${id}`)}>${name}</a>` },
  { head: "Code", kind: "code", cell: ({ code }) => code },
  { head: "Kind", wide: true, cell: ({ feature_type: kind }) => KINDS[kind] },
  { head: "Uses", wide: true, kind: "number", cell: ({ max_consumption: most }) => number(most) },
  { head: "State", cell: (feature) => html`<${State} of=${feature} on="Active" />` },
];

function FeatureList({ query, products }) {
  const features = useLoad(
    (signal) => api.get("product-features/", { ...query, limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  const columns = FEATURE_COLUMNS.toSpliced(2, 0, productColumn(products, "mid"));
  const create = html`<${Action} scope="catalog:write" icon="plus"
    to=${link("features/new", { product: query.product })}>New feature<//>`;
  return html`<${Page} title="Product features"
    lead="Optional capabilities a license can include or meter" actions=${create}>
    <${Find} path="features" fields=${[ofProduct(products)]} query=${query} />
    <${Loaded} from=${named(features, products)} rows=${6}>
      ${(page) =>
        page.results.length
          ? html`<${Table} caption="Product features" columns=${columns} rows=${page.results}
            busy=${features.loading} /><${Pager} page=${page} path="features" query=${query}
            limit=${LIMIT} />`
          : html`<${Empty} icon="features"
            title="No features yet">
            <p>A feature can be switched on, or counted, license by license: an export, a number of
              renders.</p>${create}<//>`}
    <//>
  <//>`;
}

function NewFeature({ code, products }) {
  return html`<${Page} title="New feature"
    back=${{ href: link("features"), text: "Product features" }}>
    <${Loaded} from=${products} rows=${4}>${(all) => html`<${FeatureForm} code=${code}
      products=${all} />`}<//>
  <//>`;
}

function EditFeature({ id, products }) {
  const feature = useLoad((signal) => api.get(`product-features/${id}/`, {}, { signal }), [id]);
  return html`<${Page} title=${feature.value?.name ?? "Feature"}
    back=${{ href: link("features"), text: "Product features" }}>
    <${Loaded} from=${products} rows=${4}>
      ${(all) => html`<${Loaded} from=${feature} rows=${4}>${(value) => html`<${FeatureForm}
        feature=${value} products=${all} />`}<//>`}
    <//>
  <//>`;
}

const startOf = (feature, product) => ({
  product: product ?? "",
  name: feature?.name ?? "",
  code: feature?.code ?? "",
  feature_type: feature?.feature_type ?? "activation",
  max_consumption: String(feature?.max_consumption ?? ""),
  active: feature?.active ?? true,
});

function FeatureForm({ feature, code, products }) {
  const own = feature && products.find(({ id }) => id === feature.product);
  const form = useForm(`feature ${feature?.id ?? ""}`, () =>
    startOf(feature, own?.short_code ?? code),
  );
  const product = products.find(({ short_code: named }) => named === form.at("product"));
  const counted = form.at("feature_type") === "consumption";
  const send = () =>
    form.send(async ({ max_consumption: most, ...body }) => {
      if (counted) body.max_consumption = sentCount(most);
      if (feature) await api.patch(`product-features/${feature.id}/`, body);
      else await api.post("product-features/", body);
      say("The feature is saved");
      go(`products/${product.id}`);
    }, tell);
  return html`<${FormOf} form=${form} action=${feature ? "Save changes" : "Create feature"}
    scope="catalog:write" onSend=${send}
    back=${product ? link(`products/${product.id}`) : link("features")}>
    <section class="card">
      <div class="columns">
        <${Choice} form=${form} name="product" label="Product" required disabled=${Boolean(feature)}
          options=${choicesOf(products)} />
        <${Input} form=${form} name="name" label="Name" required autocomplete="off"
          hint="Such as: PDF export" />
        <${Input} form=${form} name="code" label="Code" required autocomplete="off"
          disabled=${Boolean(feature)} hint="Orders name it so, for ever: export-pdf" />
        <${Choice} form=${form} name="feature_type" label="Kind" options=${Object.entries(KINDS)}
          disabled=${Boolean(feature)} />
        ${counted && html`<${Input} form=${form} name="max_consumption" label="Uses"
          inputmode="numeric" autocomplete="off" hint="Where neither policy nor order says" />`}
      </div>
      <${Tick} form=${form} name="active" label="Active"
        hint="Unticked, new licenses can’t have it" />
    </section>
  <//>`;
}
