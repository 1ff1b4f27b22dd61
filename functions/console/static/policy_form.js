// The form that adds a policy to a product or changes one.
import * as api from "./api.js";
import { choicesOf } from "./catalog.js";
import { Check, Field } from "./fields.js";
import { Choice, FormOf, Input, Tick, useForm } from "./form.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { part } from "./names.js";
import { Loaded, Page, say } from "./parts.js";
import { go, link } from "./route.js";
import { TermFields } from "./term_fields.js";
import { TYPES, sentCount, tell, termsOf, typedTerms } from "./terms.js";

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

export function NewPolicy({ code, products }) {
  return html`<${Page} title="New policy"
    back=${{ href: link("policies"), text: "License policies" }}>
    <${Loaded} from=${products} rows=${8}>${(all) => html`<${PolicyForm} code=${code}
      products=${all} />`}<//>
  <//>`;
}

export function EditPolicy({ id, products }) {
  const policy = useLoad((signal) => api.get(`license-templates/${id}/`, {}, { signal }), [id]);
  return html`<${Page} title=${policy.value?.name ?? "Policy"}
    back=${{ href: link("policies"), text: "License policies" }}
    lead="Licenses that were issued already stay as they are">
    <${Loaded} from=${products} rows=${8}>
      ${(all) => html`<${Loaded} from=${policy} rows=${8}>${(value) => html`<${PolicyForm}
        policy=${value} products=${all} />`}<//>`}
    <//>
  <//>`;
}

const startOf = (policy, code) => ({
  product: code ?? "",
  name: policy?.name ?? "",
  code: policy?.code ?? "",
  default_license_type: policy?.default_license_type ?? "",
  is_default: policy?.is_default ?? false,
  is_archived: policy?.is_archived ?? false,
  terms: typedTerms(policy),
  grants: Object.fromEntries(
    (policy?.license_product_feature_templates ?? []).map((grant) => [
      grant.product_feature.code,
      { on: true, uses: String(grant.max_consumption ?? ""), grant },
    ]),
  ),
});

/** What a form says, as the API takes it. Features keep what the form does not ask for. */
function bodyOf({ terms, grants, default_license_type: type, ...body }, policy, product) {
  Object.assign(
    body,
    termsOf(terms, type || "consumption", product?.authorization_method, policy ? null : undefined),
  );
  if (type) body.default_license_type = type;
  body.license_product_feature_templates = Object.entries(grants)
    .filter(([, { on }]) => on)
    .map(([code, { uses, grant }]) => {
      const kept = GRANT_TERMS.filter((name) => grant?.[name] != null).map((name) => [
        name,
        grant[name],
      ]);
      return {
        ...Object.fromEntries(kept),
        product_feature: code,
        max_consumption: sentCount(uses),
      };
    });
  return body;
}

function PolicyForm({ policy, code, products }) {
  const own = policy && products.find(({ id }) => id === policy.product);
  const form = useForm(`policy ${policy?.id ?? ""}`, () =>
    startOf(policy, own?.short_code ?? code),
  );
  const product = products.find(({ short_code: named }) => named === form.at("product"));
  const send = () =>
    form.send(async (draft) => {
      const body = bodyOf(draft, policy, product);
      if (policy) await api.patch(`license-templates/${policy.id}/`, body);
      else await api.post("license-templates/", body);
      say("The policy is saved");
      go(`products/${product.id}`);
    }, tell);
  const type = form.at("default_license_type");
  const left = product?.default_license_type
    ? `${TYPES[product.default_license_type]} (product)`
    : "As the product says";
  return html`<${FormOf} form=${form} action=${policy ? "Save changes" : "Create policy"}
    scope="catalog:write" onSend=${send}
    back=${product ? link(`products/${product.id}`) : link("policies")}>
    <section class="card">
      <div class="columns">
        <${Choice} form=${form} name="product" label="Product" required disabled=${Boolean(policy)}
          options=${choicesOf(products)} />
        <${Input} form=${form} name="name" label="Name" required autocomplete="off"
          hint="Such as: Studio, for a year" />
        <${Input} form=${form} name="code" label="Code" required autocomplete="off"
          disabled=${Boolean(policy)} hint="Orders name it so, for ever: studio" />
        <${Choice} form=${form} name="default_license_type" label="Type"
          options=${[...(policy?.default_license_type ? [] : [["", left]]), ...Object.entries(TYPES)]} />
      </div>
      <${Tick} form=${form} name="is_default" label="The default policy of the product"
        disabled=${policy?.is_default}
        hint=${policy?.is_default ? "Make another policy the default one instead" : "Used where an order names none"} />
      ${policy && html`<${Tick} form=${form} name="is_archived" label="Archived"
        hint="No new licenses under it" />`}
    </section>
    <section class="card">
      <h2>Terms</h2>
      <${TermFields} form=${form} under="terms" type=${type || product?.default_license_type}
        method=${product?.authorization_method} by="product" open=${(term) => product?.[term]} />
    </section>
    ${product?.product_features.length > 0 && html`<${Grants} form=${form}
      features=${product.product_features} />`}
  <//>`;
}

function Grants({ form, features }) {
  const set = (code, change) =>
    form.set(`grants.${part(code)}`, { ...form.at(`grants.${part(code)}`), ...change });
  const wrong = form.told("license_product_feature_templates");
  return html`<section class="card">
    <h2>Features</h2>
    <p class="soft">What each license has, unless its order says otherwise.</p>
    ${wrong && html`<p class="wrong">${wrong}</p>`}
    ${features.map(({ code, name, feature_type: kind, max_consumption: most }) => {
      const grant = form.draft.value.grants[code];
      return html`<div class="feature" key=${code}>
        <${Check} label="${name} (${code})" checked=${Boolean(grant?.on)}
          onChange=${(on) => set(code, { on })} />
        ${
          kind === "consumption" &&
          grant?.on &&
          html`<${Field} label="Uses of ${name}" inputmode="numeric" autocomplete="off"
          placeholder=${most ?? ""} value=${grant.uses ?? ""}
            onInput=${(uses) => set(code, { uses })} />`
        }
      </div>`;
    })}
  </section>`;
}
