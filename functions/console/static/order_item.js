// One product of a new order: its policy, how many licenses and for whom, and other terms.
import { readPolicies, soldWith } from "./catalog.js";
import { Button, Check, Failure } from "./fields.js";
import { Choice, Input, Tick } from "./form.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { part } from "./names.js";
import { inherited, keysIn, policyOf, typeOf } from "./order_body.js";
import { count } from "./parts.js";
import { TermFields } from "./term_fields.js";
import { TYPES, inShort } from "./terms.js";

export function OrderItem({ form, at, item, catalog, products }) {
  const name = `items.${at}`;
  const product = catalog.products[item.product];
  const forget = () =>
    form.set(name, { ...form.at(name), policy: "", members: {}, features: null });
  const remove = () =>
    form.set(
      "items",
      form.at("items").filter((_, n) => n !== at),
    );
  return html`<section class="card" aria-label="Product ${at + 1}">
    <div class="row apart">
      <h2>Product ${at + 1}</h2>
      ${form.at("items").length > 1 && html`<${Button} plain icon="close"
        onPress=${remove}>Remove<//>`}
    </div>
    <div class="columns">
      <${Choice} form=${form} name="${name}.product" label="Product" required onChange=${forget}
        options=${choicesOf(products, at ? form.at("items.0.product") : "", catalog)} />
      ${product && soldWith(product).map((code) => html`<${Policy} key=${code} form=${form}
        name=${product.is_bundle ? `${name}.members.${part(code)}` : `${name}.policy`}
        label=${product.is_bundle ? `Policy of ${code}` : "Policy"} item=${item} catalog=${catalog}
        code=${code} />`)}
    </div>
    ${product && html`<${usedBy(product)} form=${form} name=${name} item=${item} />`}
    ${product && !product.is_bundle && html`<${Others} form=${form} name=${name} item=${item}
      catalog=${catalog} product=${product} />`}
  </section>`;
}

const usedBy = (product) => (product.authorization_method === "user" ? Users : Keys);

/** An order is for bundles or for products, so the first item decides what the others may be. */
function choicesOf(products, first, catalog) {
  const bundles = catalog.products[first]?.is_bundle;
  const offered = products.filter((product) => !first || product.is_bundle === Boolean(bundles));
  return [
    ["", "Choose a product"],
    ...offered.map(({ short_code: code, product_name: title, is_bundle: bundle }) => [
      code,
      `${title} (${code})${bundle ? ", bundle" : ""}`,
    ]),
  ];
}

/** Its choices are read when it is there; until then, or where that fails, it says so. */
function Policy({ form, name, label, item, catalog, code }) {
  const { error, reload } = useLoad((signal) => readPolicies(code, { signal }), [code]);
  const offered = catalog.policies[code];
  const chosen =
    offered?.find((policy) => policy.code === form.at(name)) ??
    offered?.find(({ is_default }) => is_default);
  const options = [...(offered ?? [])]
    .sort((a, b) => b.is_default - a.is_default)
    .map((policy) => [
      policy.is_default ? "" : policy.code,
      policy.name + (policy.is_default && !/default/i.test(policy.name) ? " (default)" : ""),
    ]);
  const own = code === item.product ? typeOf(item, catalog) : chosen?.default_license_type;
  const words = [
    TYPES[own],
    chosen && inShort({ ...saidBy(catalog.products[code]), ...saidBy(chosen) }),
  ];
  return html`<div>
    <${Choice} form=${form} name=${name} label=${label}
      hint=${words.filter(Boolean).join(" · ") || " "} disabled=${!offered}
      options=${offered ? options : [["", error ? "Not read" : "Reading…"]]} />
    ${error && html`<${Failure} what="Policies were not read" problem=${error} again=${reload} />`}
  </div>`;
}

const saidBy = (terms) =>
  Object.fromEntries(Object.entries(terms ?? {}).filter(([, value]) => value != null));

function Keys({ form, name, item }) {
  return html`<div class="columns">
    ${
      item.own_keys
        ? html`<${Input} as="textarea" rows="4" form=${form} name="${name}.keys"
          label="Keys, one on each line" spellcheck="false"
          autocomplete="off"
            hint="${count(keysIn(item.keys).length, "license")}, one for each key" />`
        : html`<${Input} form=${form} name="${name}.count" label="Licenses" inputmode="numeric"
          autocomplete="off" hint="A key is made for each" />`
    }
    <div class="beside"><${Tick} form=${form} name="${name}.own_keys"
      label="I bring my own keys" /></div>
  </div>`;
}

function Users({ form, name, item }) {
  const set = (users) => form.set(`${name}.users`, users);
  const add = () => {
    set([...item.users, { email: "", is_manager: false }]);
    form.visit(`${name}.users.${item.users.length}`);
  };
  return html`<fieldset>
    <legend>Users</legend>
    ${item.users.map(
      (user, k) => html`<div class="user" key=${k}>
      <${Input} form=${userAt(form, name, k)} name="${name}.users.${k}"
        label="Email of user ${k + 1}" type="email" autocomplete="off" />
      <${Check} label="Manager" checked=${user.is_manager}
        onChange=${(on) => form.set(`${name}.users.${k}.is_manager`, on)} />
      ${item.users.length > 1 && html`<${Button} plain icon="close"
        aria-label="Remove user ${k + 1}"
        onPress=${() => set(item.users.filter((_, n) => n !== k))} />`}
    </div>`,
    )}
    ${form.told(`${name}.users`) && html`<p class="wrong">${form.told(`${name}.users`)}</p>`}
    <div class="row">
      <${Button} plain icon="plus" onPress=${add}>Add a user<//>
      ${item.users.length > 1 && html`<${Tick} form=${form} name="${name}.shared"
        label="All of them share one license" />`}
    </div>
    <small>${item.shared ? "1 license" : count(item.users.length, "license")}.
      A new user’s first password is shown once, when the order is placed.</small>
  </fieldset>`;
}

/** A user's faults stand at the user, and what is typed at its e-mail. */
const userAt = (form, name, k) => ({
  at: () => form.at(`${name}.users.${k}.email`),
  set: (_, email) => form.set(`${name}.users.${k}.email`, email),
  told: (field) => form.told(field),
});

function Others({ form, name, item, catalog, product }) {
  const type = typeOf(item, catalog);
  const left = `${TYPES[typeOf({ ...item, license_type: "" }, catalog)]} (policy)`;
  const field = (own, label, more) =>
    html`<${Input} form=${form} name="${name}.${own}" label=${label} ...${more} />`;
  return html`<details>
    <summary>Other terms than the policy’s</summary>
    <div class="columns">
      <${Choice} form=${form} name="${name}.license_type" label="Type"
        options=${[["", left], ...Object.entries(TYPES)]} />
      ${field("validity_period", "Ends on", { type: "date", hint: "A day, whenever it is activated" })}
      ${field("start_date", "Starts on", { type: "date" })}
      <div class="beside"><${Tick} form=${form} name="${name}.is_trial" label="A trial" /></div>
    </div>
    <${TermFields} form=${form} under="${name}.terms" type=${type}
      method=${product.authorization_method} by="policy"
      open=${(term) => inherited(item, catalog, term)} />
    ${product.product_features.length > 0 && html`<${Features} form=${form} name=${name}
      item=${item} catalog=${catalog} product=${product} />`}
    ${field("note", "Note on this product", { autocomplete: "off" })}
  </details>`;
}

function Features({ form, name, item, catalog, product }) {
  const granted = policyOf(item, catalog)?.license_product_feature_templates ?? [];
  const chosen =
    item.features ??
    Object.fromEntries(granted.map((grant) => [grant.product_feature.code, { on: true }]));
  const set = (code, change) =>
    form.set(`${name}.features`, { ...chosen, [code]: { ...chosen[code], ...change } });
  return html`<fieldset>
    <legend>Features</legend>
    ${product.product_features
      .filter(({ active }) => active)
      .map(
        ({
          code,
          name: title,
          feature_type: kind,
          max_consumption: most,
        }) => html`<div class="feature" key=${code}>
      <${Check} label="${title} (${code})" checked=${Boolean(chosen[code]?.on)}
        data-field="${name}.features.${part(code)}" onChange=${(on) => set(code, { on })} />
      ${
        kind === "consumption" &&
        chosen[code]?.on &&
        html`<label class="inline">Uses <input inputmode="numeric" autocomplete="off"
          placeholder=${most ?? ""} value=${chosen[code].max_consumption ?? ""}
        onInput=${(event) => set(code, { max_consumption: event.currentTarget.value })} /></label>`
      }
      ${form.told(`${name}.features.${part(code)}`) && html`<small
        class="wrong">${form.told(`${name}.features.${part(code)}`)}</small>`}
    </div>`,
      )}
    <small>${item.features ? "As chosen here." : "As the policy says."}</small>
  </fieldset>`;
}
