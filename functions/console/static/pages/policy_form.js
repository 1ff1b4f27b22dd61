// The form of a new or existing policy.

/** @import { Draft, Feature, Grant, Loadable, NewPolicy as PolicyRequest, Policy, Product } from "../api/types.ts" */
/** @import { Form } from "../forms/form.js" */
/** @import { TermName } from "./terms.js" */
import * as api from "../api/api.js";
import { productOptions } from "./catalog.js";
import { part } from "../forms/field_names.js";
import { Checkbox, Field } from "../parts/fields.js";
import { FormCheckbox, FormSelect, FormField, RecordForm, useForm } from "../forms/form.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { announce, Loaded, Page } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { TermFields } from "./term_fields.js";
import { locateFault, toApiNumber, toApiTerms, toFormTerms, TYPES } from "./terms.js";

/** @type {(keyof Grant)[]} */
const GRANT_TERMS = [
  "max_consumption",
  "allow_overages",
  "max_overages",
  "reset_consumption",
  "consumption_period",
  "is_floating",
  "is_floating_cloud",
  "floating_users",
  "floating_timeout",
  "expiry_date",
  "metadata",
];

/**
 * @typedef {{
 *   product: string,
 *   name: string,
 *   code: string,
 *   default_license_type: string,
 *   is_default: boolean,
 *   is_archived: boolean,
 * }} PolicyFields
 */
/** @typedef {Record<string, { on: boolean, uses: string, grant?: Grant }>} GrantDrafts by feature */
/** @typedef {PolicyFields & { terms: Record<string, string>, grants: GrantDrafts }} PolicyDraft */

/** @param {{ code: string, products: Loadable<Product[]> }} props */
export function NewPolicy({ code, products }) {
  return html`<${Page} title="New policy"
    back=${{ href: link("policies"), text: "License policies" }}>
    <${Loaded} from=${products} rows=${8}>${(
      /** @type {Product[]} */ all,
    ) => html`<${PolicyForm} code=${code}
      products=${all} />`}<//>
  <//>`;
}

/** @param {{ id: string, products: Loadable<Product[]> }} props */
export function EditPolicy({ id, products }) {
  const policy = useLoad((signal) => api.get(`license-templates/${id}/`, {}, { signal }), [id]);
  return html`<${Page} title=${policy.value?.name ?? "Policy"}
    back=${{ href: link("policies"), text: "License policies" }}
    lead="Existing licenses are not affected">
    <${Loaded} from=${products} rows=${8}>
      ${(/** @type {Product[]} */ all) =>
        html`<${Loaded} from=${policy} rows=${8}>${(
          /** @type {Policy} */ value,
        ) => html`<${PolicyForm}
        policy=${value} products=${all} />`}<//>`}
    <//>
  <//>`;
}

/** @type {(policy?: Policy, code?: string) => PolicyDraft} */
const createDraft = (policy, code) => ({
  product: code ?? "",
  name: policy?.name ?? "",
  code: policy?.code ?? "",
  default_license_type: policy?.default_license_type ?? "",
  is_default: policy?.is_default ?? false,
  is_archived: policy?.is_archived ?? false,
  terms: toFormTerms(policy),
  grants: Object.fromEntries(
    (policy?.license_product_feature_templates ?? []).map((grant) => [
      grant.product_feature.code,
      { on: true, uses: String(grant.max_consumption ?? ""), grant },
    ]),
  ),
});

/**
 * The request of a draft. Features keep their terms that the form does not show.
 *
 * @type {(draft: PolicyDraft, policy?: Policy, product?: Product) => PolicyRequest}
 */
function buildPolicy({ terms, grants, default_license_type: type, ...rest }, policy, product) {
  const method = product?.authorization_method;
  /** @type {Draft<PolicyRequest>} */
  const body = {
    ...rest,
    ...toApiTerms(terms, type || "consumption", method, policy ? null : undefined),
  };
  if (type) body.default_license_type = type;
  body.license_product_feature_templates = Object.entries(grants)
    .filter(([, { on }]) => on)
    .map(([code, { uses, grant }]) => {
      const terms = GRANT_TERMS.filter((name) => grant?.[name] != null).map((name) => [
        name,
        grant?.[name],
      ]);
      return {
        ...Object.fromEntries(terms),
        product_feature: code,
        max_consumption: toApiNumber(uses),
      };
    });
  return /** @type {PolicyRequest} */ (body);
}

/** @param {{ policy?: Policy, code?: string, products: Product[] }} props */
function PolicyForm({ policy, code, products }) {
  const own = policy && products.find(({ id }) => id === policy.product);
  const form = useForm(`policy ${policy?.id ?? ""}`, () =>
    createDraft(policy, own?.short_code ?? code),
  );
  const product = products.find(({ short_code: named }) => named === form.get("product"));
  const submit = () =>
    form.submit(async (draft) => {
      const body = buildPolicy(draft, policy, product);
      if (policy) await api.patch(`license-templates/${policy.id}/`, body);
      else await api.post("license-templates/", body);
      announce("Policy saved");
      go(product ? `products/${product.id}` : "policies");
    }, locateFault);
  const type = form.get("default_license_type");
  const inheritedType = product?.default_license_type
    ? `${TYPES[product.default_license_type]} (product)`
    : "From product";
  return html`<${RecordForm} form=${form} action=${policy ? "Save changes" : "Create policy"}
    scope="catalog:write" onSubmit=${submit}
    back=${product ? link(`products/${product.id}`) : link("policies")}>
    <section class="card">
      <div class="columns">
        <${FormSelect} form=${form} name="product" label="Product" required disabled=${Boolean(policy)}
          options=${productOptions(products)} />
        <${FormField} form=${form} name="name" label="Name" required autocomplete="off"
          hint="E.g. Studio, 1 year" />
        <${FormField} form=${form} name="code" label="Code" required autocomplete="off"
          disabled=${Boolean(policy)} hint=${policy ? "Can’t be changed" : "Used in orders and files; can’t be changed. E.g. studio"} />
        <${FormSelect} form=${form} name="default_license_type" label="License type"
          options=${[...(policy?.default_license_type ? [] : [["", inheritedType]]), ...Object.entries(TYPES)]} />
      </div>
      <${FormCheckbox} form=${form} name="is_default" label="Default policy of the product"
        disabled=${policy?.is_default}
        hint=${policy?.is_default ? "To change this, make another policy the default" : "Used when an order doesn’t specify a policy"} />
      ${
        policy &&
        html`<${FormCheckbox} form=${form} name="is_archived" label="Archived"
        hint="Marked as archived in lists; can’t be ordered" />`
      }
    </section>
    <section class="card">
      <h2>Terms</h2>
      <${TermFields} form=${form} prefix="terms" type=${type || product?.default_license_type}
        method=${product?.authorization_method} source="product" inherited=${(/** @type {TermName} */ term) => product?.[term]} />
    </section>
    ${
      product &&
      product.product_features.length > 0 &&
      html`<${Grants} form=${form}
      features=${product.product_features} />`
    }
  <//>`;
}

/** @param {{ form: Form<PolicyDraft>, features: Feature[] }} props */
function Grants({ form, features }) {
  /** @type {(code: string, change: object) => void} */
  const set = (code, change) =>
    form.set(`grants.${part(code)}`, { ...form.get(`grants.${part(code)}`), ...change });
  const error = form.errorOf("license_product_feature_templates");
  return html`<section class="card">
    <h2>Features</h2>
    <p class="soft">Included in each license, unless the order overrides them.</p>
    ${error && html`<p class="wrong">${error}</p>`}
    ${features.map(({ code, name, feature_type: kind, max_consumption: most }) => {
      const grant = form.draft.value.grants[code];
      return html`<div class="feature" key=${code}>
        <${Checkbox} label="${name} (${code})" checked=${Boolean(grant?.on)}
          onChange=${(/** @type {boolean} */ on) => set(code, { on })} />
        ${
          kind === "consumption" &&
          grant?.on &&
          html`<${Field} label="Uses of ${name}" inputmode="numeric" autocomplete="off"
          placeholder=${most ?? ""} value=${grant.uses ?? ""}
            onInput=${(/** @type {string} */ uses) => set(code, { uses })} />`
        }
      </div>`;
    })}
  </section>`;
}
