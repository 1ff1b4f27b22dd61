// The form that makes a product or changes one.
import * as api from "./api.js";
import { useProducts } from "./catalog.js";
import { Choice, FormOf, Input, Tick, useForm } from "./form.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { part } from "./names.js";
import { Loaded, Page, say } from "./parts.js";
import { go, link } from "./route.js";
import { TermFields } from "./term_fields.js";
import { TYPES, tell, termsOf, typedTerms } from "./terms.js";

const METHODS = [
  ["license-key", "A license key"],
  ["user", "Users who sign in"],
];

export function NewProduct() {
  const back = link("products");
  return html`<${Page} title="New product" back=${{ href: back, text: "Products" }}
    lead="Its default policy is made with it, so it can be ordered at once">
    <${ProductForm} back=${back} />
  <//>`;
}

export function EditProduct({ id }) {
  const product = useLoad((signal) => api.get(`products/${id}/`, {}, { signal }), [id]);
  const back = link(`products/${id}`);
  return html`<${Page} title="Edit product"
    back=${{ href: back, text: product.value?.product_name ?? "Product" }}
    lead="Licenses that were issued already stay as they are">
    <${Loaded} from=${product} rows=${8}>${(value) => html`<${ProductForm} product=${value}
      back=${back} />`}<//>
  <//>`;
}

const startOf = (product) => ({
  product_name: product?.product_name ?? "",
  short_code: product?.short_code ?? "",
  authorization_method: product?.authorization_method ?? "license-key",
  default_license_type: product?.default_license_type ?? "",
  key_length: String(product?.key_length ?? ""),
  is_bundle: product?.is_bundle ?? false,
  members: Object.fromEntries((product?.bundle_products ?? []).map((code) => [code, true])),
  active: product?.active ?? true,
  is_archived: product?.is_archived ?? false,
  terms: typedTerms(product),
});

/** What a form says, as the API takes it. A blank opens a term that the product has already. */
function bodyOf(draft, product) {
  const { terms, members, key_length: length, default_license_type: type, ...body } = draft;
  Object.assign(
    body,
    termsOf(terms, type || "consumption", body.authorization_method, product ? null : undefined),
  );
  if (type) body.default_license_type = type;
  if (length.trim()) body.key_length = /^\d{1,9}$/.test(length.trim()) ? Number(length) : length;
  if (body.is_bundle) body.bundle_products = Object.keys(members).filter((code) => members[code]);
  return body;
}

function ProductForm({ product, back }) {
  const form = useForm(`product ${product?.id ?? ""}`, () => startOf(product));
  const send = () =>
    form.send(async (draft) => {
      const body = bodyOf(draft, product);
      const saved = product
        ? await api.patch(`products/${product.id}/`, body)
        : await api.post("products/", body);
      say("The product is saved");
      go(`products/${saved.id}`);
    }, told);
  const type = form.at("default_license_type");
  const open = product?.default_license_type ? [] : [["", "As each policy says"]];
  return html`<${FormOf} form=${form} action=${product ? "Save changes" : "Create product"}
    scope="catalog:write" onSend=${send} back=${back}>
    <section class="card">
      <div class="columns">
        <${Input} form=${form} name="product_name" label="Name" required autocomplete="off" />
        <${Input} form=${form} name="short_code" label="Code" required autocomplete="off"
          disabled=${Boolean(product)}
          hint=${product ? "What it is known by can’t change" : "Orders and files name it so, for ever: sketch"} />
        <${Choice} form=${form} name="authorization_method" label="Licensed by" options=${METHODS}
          disabled=${Boolean(product)}
          hint=${product ? "This can’t change either" : ""} />
        <${Choice} form=${form} name="default_license_type" label="Type"
          options=${[...open, ...Object.entries(TYPES)]} />
        ${
          form.at("authorization_method") === "license-key" &&
          html`<${Input} form=${form} name="key_length" label="Length of its keys"
            inputmode="numeric" placeholder="16" hint="From 16 to 240 characters" />`
        }
      </div>
      ${
        product
          ? html`<${Tick} form=${form} name="active" label="On sale"
            hint="Unticked, no new licenses are issued for it" />
            <${Tick} form=${form} name="is_archived" label="Archived"
              hint="Out of the way, and no new licenses either" />`
          : html`<${Tick} form=${form} name="is_bundle" label="A bundle of other products" />`
      }
      ${form.at("is_bundle") && html`<${Members} form=${form} own=${product?.short_code} />`}
    </section>
    <section class="card">
      <h2>Terms where a policy leaves them open</h2>
      <${TermFields} form=${form} under="terms" type=${type}
        method=${form.at("authorization_method")} by="policy" open=${() => null} />
    </section>
  <//>`;
}

const told = (fault) => {
  const { at, message } = tell(fault);
  return { at: at === "bundle_products" ? "members" : at, message };
};

function Members({ form, own }) {
  const products = useProducts();
  const offered = (all) =>
    all.filter(
      (product) =>
        !product.is_bundle &&
        product.short_code !== own &&
        product.authorization_method === form.at("authorization_method"),
    );
  const wrong = form.told("members");
  return html`<fieldset>
    <legend>Products in the bundle</legend>
    <${Loaded} from=${products} rows=${2}>
      ${(all) =>
        offered(all).map(
          (product) => html`<${Tick} key=${product.id} form=${form}
        name="members.${part(product.short_code)}"
          label="${product.product_name} (${product.short_code})" />`,
        )}
    <//>
    ${wrong && html`<p class="wrong">${wrong}</p>`}
  </fieldset>`;
}
