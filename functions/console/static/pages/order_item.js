// One product of a new order: its policy, its licenses and their holders, and their terms.

/** @import { Policy as PolicyRecord, Product } from "../api/types.ts" */
/** @import { Form } from "../forms/form.js" */
/** @import { Catalog } from "./catalog.js" */
/** @import { FeatureDraft, ItemDraft, OrderDraft, UserDraft } from "./order_body.js" */
/** @import { TermName } from "./terms.js" */
/** @import { InputEvent } from "../parts/fields.js" */
/** @import { Option } from "../parts/types.ts" */
import { Button, ErrorLine } from "../parts/buttons.js";
import { loadPolicies, policyProducts } from "./catalog.js";
import { part } from "../forms/field_names.js";
import { Checkbox } from "../parts/fields.js";
import { FormCheckbox, FormField, FormSelect } from "../forms/form.js";
import { formatCount } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { effectivePolicy, effectiveType, inheritedTerm, parseKeys } from "./order_body.js";
import { TermFields } from "./term_fields.js";
import { summarizeTerms, TYPES } from "./terms.js";

/** @typedef {Form<OrderDraft>} OrderForm */

/**
 * @param {{
 *   form: OrderForm,
 *   at: number,
 *   item: ItemDraft,
 *   catalog: Catalog,
 *   products: Product[],
 * }} props
 */
export function OrderItem({ form, at, item, catalog, products }) {
  const name = `items.${at}`;
  const product = catalog.products[item.product];
  const reset = () =>
    form.set(name, { ...form.get(name), policy: "", members: {}, features: null });
  const remove = () =>
    form.set(
      "items",
      form.draft.value.items.filter((_, n) => n !== at),
    );
  const first = at ? form.get("items.0.product") : "";
  return html`<section class="card" aria-label="Product ${at + 1}">
    <div class="row apart">
      <h2>Product ${at + 1}</h2>
      ${
        form.get("items").length > 1 &&
        html`<${Button} plain icon="close"
        onPress=${remove}>Remove product<//>`
      }
    </div>
    <div class="columns">
      <${FormSelect} form=${form} name="${name}.product" label="Product" required onChange=${reset}
        options=${productOptions(products, first, catalog)} />
      ${
        product &&
        policyProducts(product).map(
          (code) => html`<${Policy} key=${code} form=${form}
        name=${product.is_bundle ? `${name}.members.${part(code)}` : `${name}.policy`}
        label=${product.is_bundle ? `Policy of ${code}` : "Policy"} item=${item} catalog=${catalog}
        code=${code} />`,
        )
      }
    </div>
    ${product && html`<${holderFields(product)} form=${form} name=${name} item=${item} />`}
    ${
      product &&
      !product.is_bundle &&
      html`<${PolicyOverrides} form=${form} name=${name} item=${item}
      catalog=${catalog} product=${product} />`
    }
  </section>`;
}

/** @type {(product: Product) => typeof Users | typeof Keys} */
const holderFields = (product) => (product.authorization_method === "user" ? Users : Keys);

/** @type {(product: Product) => Option} */
const toProductOption = ({ short_code: code, product_name: title, is_bundle: bundle }) => [
  code,
  `${title} (${code})${bundle ? ", bundle" : ""}`,
];

/**
 * An order can't mix bundles and other products: the first item decides.
 *
 * @type {(products: Product[], first: string, catalog: Catalog) => Option[]}
 */
function productOptions(products, first, catalog) {
  const bundles = catalog.products[first]?.is_bundle;
  const offered = products.filter((product) => !first || product.is_bundle === Boolean(bundles));
  return [["", "Choose a product"], ...offered.map(toProductOption)];
}

/**
 * @param {{
 *   form: OrderForm,
 *   name: string,
 *   label: string,
 *   item: ItemDraft,
 *   catalog: Catalog,
 *   code: string,
 * }} props
 */
function Policy({ form, name, label, item, catalog, code }) {
  const { error, reload } = useLoad((signal) => loadPolicies(code, { signal }), [code]);
  const policies = catalog.policies[code];
  const selected =
    policies?.find((policy) => policy.code === form.get(name)) ??
    policies?.find(({ is_default }) => is_default);
  const options = [...(policies ?? [])]
    .sort((a, b) => Number(b.is_default) - Number(a.is_default))
    .map(toOption);
  const type =
    code === item.product ? effectiveType(item, catalog) : selected?.default_license_type;
  const terms = { ...withoutNulls(catalog.products[code]), ...withoutNulls(selected) };
  const texts = [type && TYPES[type], selected && summarizeTerms(terms)];
  return html`<div>
    <${FormSelect} form=${form} name=${name} label=${label}
      hint=${texts.filter(Boolean).join(" · ") || " "} disabled=${!policies}
      options=${policies ? options : [["", error ? "Not loaded" : "Loading…"]]} />
    ${error && html`<${ErrorLine} what="Policies couldn’t be loaded" problem=${error} onRetry=${reload} />`}
  </div>`;
}

/** @type {(policy: PolicyRecord) => Option} */
const toOption = ({ code, name, is_default }) => [
  is_default ? "" : code,
  name + (is_default && !/default/i.test(name) ? " (default)" : ""),
];

/** @type {(terms?: object) => object} */
const withoutNulls = (terms) =>
  Object.fromEntries(Object.entries(terms ?? {}).filter(([, value]) => value != null));

/** @param {{ form: OrderForm, name: string, item: ItemDraft }} props */
function Keys({ form, name, item }) {
  return html`<div class="columns">
    ${
      item.own_keys
        ? html`<${FormField} as="textarea" rows="4" form=${form} name="${name}.keys"
          label="License keys" spellcheck=${false} autocomplete="off"
          hint="One key per line: ${formatCount(parseKeys(item.keys).length, "license")}" />`
        : html`<${FormField} form=${form} name="${name}.count" label="Licenses" inputmode="numeric"
          autocomplete="off" hint="One key is generated per license" />`
    }
    <div class="inline-check"><${FormCheckbox} form=${form} name="${name}.own_keys"
      label="Use my own keys" /></div>
  </div>`;
}

/** @param {{ form: OrderForm, name: string, item: ItemDraft }} props */
function Users({ form, name, item }) {
  /** @param {UserDraft[]} users */
  const set = (users) => form.set(`${name}.users`, users);
  const add = () => {
    set([...item.users, { email: "", is_manager: false }]);
    form.focus(`${name}.users.${item.users.length}`);
  };
  const error = form.errorOf(`${name}.users`);
  return html`<fieldset>
    <legend>Users</legend>
    ${item.users.map(
      (user, k) => html`<div class="user" key=${k}>
      <${FormField} form=${createUserForm(form, name, k)} name="${name}.users.${k}"
        label="Email of user ${k + 1}" type="email" autocomplete="off" />
      <${Checkbox} label="Manager" checked=${user.is_manager}
        onChange=${(/** @type {boolean} */ on) => form.set(`${name}.users.${k}.is_manager`, on)} />
      ${
        item.users.length > 1 &&
        html`<${Button} plain icon="close"
        aria-label="Remove user ${k + 1}"
        onPress=${() => set(item.users.filter((_, n) => n !== k))} />`
      }
    </div>`,
    )}
    ${error && html`<p class="wrong">${error}</p>`}
    <div class="row">
      <${Button} plain icon="plus" onPress=${add}>Add user<//>
      ${
        item.users.length > 1 &&
        html`<${FormCheckbox} form=${form} name="${name}.shared"
        label="All users share one license" />`
      }
    </div>
    <small>${item.shared ? "1 license" : formatCount(item.users.length, "license")}.
      Initial passwords of new users are shown once, after you place the order.</small>
  </fieldset>`;
}

/**
 * The API's faults are about the user, but the value is the user's email.
 *
 * @type {(form: OrderForm, name: string, k: number) => Pick<OrderForm, "get" | "set" | "errorOf">}
 */
const createUserForm = (form, name, k) => ({
  get: () => form.get(`${name}.users.${k}.email`),
  set: (_, email) => form.set(`${name}.users.${k}.email`, email),
  errorOf: (field) => form.errorOf(field),
});

/**
 * @param {{
 *   form: OrderForm,
 *   name: string,
 *   item: ItemDraft,
 *   catalog: Catalog,
 *   product: Product,
 * }} props
 */
function PolicyOverrides({ form, name, item, catalog, product }) {
  const type = effectiveType(item, catalog);
  const inheritedType = effectiveType({ ...item, license_type: "" }, catalog);
  /**
   * @param {string} term
   * @param {string} label
   * @param {object} rest
   */
  const field = (term, label, rest) =>
    html`<${FormField} form=${form} name="${name}.${term}" label=${label} ...${rest} />`;
  return html`<details>
    <summary>Override policy terms</summary>
    <div class="columns">
      <${FormSelect} form=${form} name="${name}.license_type" label="License type"
        options=${[["", `${TYPES[inheritedType]} (policy)`], ...Object.entries(TYPES)]} />
      ${field("validity_period", "Ends on", { type: "date", hint: "Fixed end date, regardless of activation" })}
      ${field("start_date", "Starts on", { type: "date" })}
      <div class="inline-check"><${FormCheckbox} form=${form} name="${name}.is_trial" label="Trial license" /></div>
    </div>
    <${TermFields} form=${form} prefix="${name}.terms" type=${type}
      method=${product.authorization_method} source="policy"
      inherited=${(/** @type {TermName} */ term) => inheritedTerm(item, catalog, term)} />
    ${
      product.product_features.length > 0 &&
      html`<${Features} form=${form} name=${name}
      item=${item} catalog=${catalog} product=${product} />`
    }
    ${field("note", "Note", { autocomplete: "off" })}
  </details>`;
}

/**
 * @param {{
 *   form: OrderForm,
 *   name: string,
 *   item: ItemDraft,
 *   catalog: Catalog,
 *   product: Product,
 * }} props
 */
function Features({ form, name, item, catalog, product }) {
  const grants = effectivePolicy(item, catalog)?.license_product_feature_templates ?? [];
  /** @type {Record<string, FeatureDraft>} */
  const features =
    item.features ??
    Object.fromEntries(grants.map((grant) => [grant.product_feature.code, { on: true }]));
  /**
   * @param {string} code
   * @param {Partial<FeatureDraft>} change
   */
  const set = (code, change) =>
    form.set(`${name}.features`, { ...features, [code]: { ...features[code], ...change } });
  return html`<fieldset>
    <legend>Features</legend>
    ${product.product_features
      .filter(({ active }) => active)
      .map(
        ({
          code,
          name: title,
          feature_type: type,
          max_consumption: most,
        }) => html`<div class="feature" key=${code}>
      <${Checkbox} label="${title} (${code})" checked=${Boolean(features[code]?.on)}
        data-field="${name}.features.${part(code)}" onChange=${(/** @type {boolean} */ on) => set(code, { on })} />
      ${
        type === "consumption" &&
        features[code]?.on &&
        html`<label class="inline">Uses <input inputmode="numeric" autocomplete="off"
          placeholder=${most ?? ""} value=${features[code].max_consumption ?? ""}
        onInput=${(/** @type {InputEvent} */ event) => set(code, { max_consumption: event.currentTarget.value })} /></label>`
      }
      ${
        form.errorOf(`${name}.features.${part(code)}`) &&
        html`<small
        class="wrong">${form.errorOf(`${name}.features.${part(code)}`)}</small>`
      }
    </div>`,
      )}
    <small>${item.features ? "Set in this order" : "From policy"}</small>
  </fieldset>`;
}
