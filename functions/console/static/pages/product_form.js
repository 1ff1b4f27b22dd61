// The form of a new or existing product.

/** @import { Draft, Fault, NewProduct as ProductRequest, Product } from "../api/types.ts" */
/** @import { FieldFault, Form } from "../forms/form.js" */
/** @import { Option } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { useProducts } from "./catalog.js";
import { part } from "../forms/field_names.js";
import { FormCheckbox, FormSelect, FormField, RecordForm, useForm } from "../forms/form.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Loaded, Page } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { TermFields } from "./term_fields.js";
import { locateFault, toApiTerms, toFormTerms, TYPES } from "./terms.js";

/** @type {Option[]} */
const METHODS = [
  ["license-key", "Key-based"],
  ["user", "User-based (users sign in)"],
];

/**
 * @typedef {{
 *   product_name: string,
 *   short_code: string,
 *   authorization_method: string,
 *   default_license_type: string,
 *   key_length: string,
 *   is_bundle: boolean,
 *   active: boolean,
 *   is_archived: boolean,
 * }} ProductFields
 */
/** @typedef {ProductFields & { members: Record<string, boolean>, terms: Record<string, string> }} ProductDraft */

export function NewProduct() {
  const back = link("products");
  return html`<${Page} title="New product" back=${{ href: back, text: "Products" }}
    lead="A default policy is created with it">
    <${ProductForm} back=${back} />
  <//>`;
}

/** @param {{ id: string }} props */
export function EditProduct({ id }) {
  const product = useLoad((signal) => api.get(`products/${id}/`, {}, { signal }), [id]);
  const back = link(`products/${id}`);
  return html`<${Page} title="Edit product"
    back=${{ href: back, text: product.value?.product_name ?? "Product" }}
    lead="Existing licenses are not affected">
    <${Loaded} from=${product} rows=${8}>${(
      /** @type {Product} */ value,
    ) => html`<${ProductForm} product=${value}
      back=${back} />`}<//>
  <//>`;
}

/** @type {(product?: Product) => ProductDraft} */
const createDraft = (product) => ({
  product_name: product?.product_name ?? "",
  short_code: product?.short_code ?? "",
  authorization_method: product?.authorization_method ?? "license-key",
  default_license_type: product?.default_license_type ?? "",
  key_length: String(product?.key_length ?? ""),
  is_bundle: product?.is_bundle ?? false,
  members: Object.fromEntries((product?.bundle_products ?? []).map((code) => [code, true])),
  active: product?.active ?? true,
  is_archived: product?.is_archived ?? false,
  terms: toFormTerms(product),
});

/**
 * The request of a draft. In an existing product, a blank term is cleared.
 *
 * @type {(draft: ProductDraft, product?: Product) => ProductRequest}
 */
function buildProduct(draft, product) {
  const { terms, members, key_length: length, default_license_type: type, ...rest } = draft;
  const blank = product ? null : undefined;
  /** @type {Draft<ProductRequest>} */
  const body = {
    ...rest,
    ...toApiTerms(terms, type || "consumption", rest.authorization_method, blank),
  };
  if (type) body.default_license_type = type;
  if (length.trim()) body.key_length = /^\d{1,9}$/.test(length.trim()) ? Number(length) : length;
  if (body.is_bundle) body.bundle_products = Object.keys(members).filter((code) => members[code]);
  return /** @type {ProductRequest} */ (body);
}

/** @param {{ product?: Product, back: string }} props */
function ProductForm({ product, back }) {
  const form = useForm(`product ${product?.id ?? ""}`, () => createDraft(product));
  const submit = () =>
    form.submit(async (draft) => {
      const body = buildProduct(draft, product);
      const saved = product
        ? await api.patch(`products/${product.id}/`, body)
        : await api.post("products/", body);
      announce("Product saved");
      go(`products/${saved.id}`);
    }, locate);
  const type = form.get("default_license_type");
  /** @type {Option[]} */
  const blank = product?.default_license_type ? [] : [["", "Set per policy"]];
  return html`<${RecordForm} form=${form} action=${product ? "Save changes" : "Create product"}
    scope="catalog:write" onSubmit=${submit} back=${back}>
    <section class="card">
      <div class="columns">
        <${FormField} form=${form} name="product_name" label="Name" required autocomplete="off" />
        <${FormField} form=${form} name="short_code" label="Code" required autocomplete="off"
          disabled=${Boolean(product)}
          hint=${product ? "Can’t be changed" : "Used in orders and files; can’t be changed. E.g. sketch"} />
        <${FormSelect} form=${form} name="authorization_method" label="Authorization method" options=${METHODS}
          disabled=${Boolean(product)}
          hint=${product ? "Can’t be changed" : ""} />
        <${FormSelect} form=${form} name="default_license_type" label="License type"
          options=${[...blank, ...Object.entries(TYPES)]} />
        ${
          form.get("authorization_method") === "license-key" &&
          html`<${FormField} form=${form} name="key_length" label="Key length"
            inputmode="numeric" placeholder="16" hint="From 16 to 240 characters" />`
        }
      </div>
      ${
        product
          ? html`<${FormCheckbox} form=${form} name="active" label="On sale"
            hint="Off: can’t be ordered" />
            <${FormCheckbox} form=${form} name="is_archived" label="Archived"
              hint="Marked as archived in lists; can’t be ordered" />`
          : html`<${FormCheckbox} form=${form} name="is_bundle" label="Bundle of other products" />`
      }
      ${form.get("is_bundle") && html`<${Members} form=${form} bundleCode=${product?.short_code} />`}
    </section>
    <section class="card">
      <h2>Default terms <span class="soft">used when a policy leaves them blank</span></h2>
      <${TermFields} form=${form} prefix="terms" type=${type}
        method=${form.get("authorization_method")} source="policy" inherited=${() => null} />
    </section>
  <//>`;
}

/** @type {(fault: Fault) => FieldFault} */
const locate = (fault) => {
  const { at, message } = locateFault(fault);
  return { at: at === "bundle_products" ? "members" : at, message };
};

/** @param {{ form: Form<ProductDraft>, bundleCode?: string }} props */
function Members({ form, bundleCode }) {
  const products = useProducts();
  /** @param {Product[]} all */
  const offered = (all) =>
    all.filter(
      (product) =>
        !product.is_bundle &&
        product.short_code !== bundleCode &&
        product.authorization_method === form.get("authorization_method"),
    );
  const error = form.errorOf("members");
  return html`<fieldset>
    <legend>Bundle members</legend>
    <${Loaded} from=${products} rows=${2}>
      ${(/** @type {Product[]} */ all) =>
        offered(all).map(
          (product) => html`<${FormCheckbox} key=${product.id} form=${form}
        name="members.${part(product.short_code)}"
          label="${product.product_name} (${product.short_code})" />`,
        )}
    <//>
    ${error && html`<p class="wrong">${error}</p>`}
  </fieldset>`;
}
