// How customers, orders and licenses are shown in tables and on pages.

/** @import { Customer, Feature, FoundCustomer, License, LicenseBrief, Order, Product } from "../api/types.ts" */
/** @import { Suggestion } from "../parts/combobox.js" */
/** @import { Column, Tone } from "../parts/types.ts" */
import { Masked } from "../parts/buttons.js";
import { html } from "../parts/html.js";
import { Icon } from "../parts/icons.js";
import { Badge } from "../parts/parts.js";
import { link } from "../parts/route.js";
import { summarizeTerms, TYPES } from "./terms.js";

/**
 * A license, or its short form, which has a product code instead of a product.
 *
 * @typedef {Omit<LicenseBrief, "product_code"> & Partial<Pick<LicenseBrief, "product_code">> &
 *   Partial<License>} AnyLicense
 */

/** @type {(person: Partial<Pick<Customer, "first_name" | "last_name">>) => string} */
export const nameOf = ({ first_name: first, last_name: last }) =>
  [first, last].filter(Boolean).join(" ");

/**
 * A found customer as a suggestion: the name and company, with the email.
 *
 * @type {(customer: FoundCustomer) => Suggestion}
 */
export function suggestionOf(customer) {
  const names = [nameOf(customer), customer.company_name].filter(Boolean).join(", ");
  const email = customer.email ?? "";
  const id = `customer-${customer.id}`;
  return names ? { id, title: names, detail: email } : { id, title: email || "No name" };
}

/**
 * An email address that can wrap before its domain.
 *
 * @param {{ of: string }} props
 */
export function Email({ of }) {
  const at = of.lastIndexOf("@");
  return html`${of.slice(0, at)}<wbr />${of.slice(at)}`;
}

/** @param {{ customer: Customer }} props */
export function CustomerLink({ customer }) {
  const title =
    customer.company_name || nameOf(customer) || customer.email || customer.reference || "No name";
  const email = title === customer.email ? "" : customer.email;
  return html`<a href=${link(`customers/${customer.id}`)}>${title}</a>${
    email && html` <small class="email" title=${email}>${email}</small>`
  }`;
}

/** @param {Pick<Order, "is_test" | "is_trial">} order */
export const orderBadges = (order) => html`${order.is_test && html`<${Badge} tone="off">Test<//>`}
  ${order.is_trial && html`<${Badge} tone="wait">Trial<//>`}`;

/** @type {(product: Product) => string} */
export const authorizationOf = ({ authorization_method: method, is_bundle: bundle }) =>
  `${method === "user" ? "User-based" : "Key-based"}${bundle ? ", bundle" : ""}`;

/**
 * Whether new licenses can have a product or feature.
 *
 * @param {{
 *   of: Pick<Feature, "active"> & Partial<Pick<Product, "is_archived">>,
 *   activeText?: string,
 * }} props
 */
export function CatalogStatus({
  of: { active = true, is_archived: archived },
  activeText = "On sale",
}) {
  if (archived) return html`<${Badge} tone="off">Archived<//>`;
  return active
    ? html`<${Badge} tone="good">${activeText}<//>`
    : html`<${Badge} tone="warn">Disabled<//>`;
}

/** @type {Record<string, Tone>} */
const TONES = { Active: "good", Inactive: "wait", Disabled: "off", Expired: "warn" };
/** @type {Record<string, string>} */
const TEXTS = { Inactive: "Not activated" };

/**
 * The API's status of a license.
 *
 * @param {{ of: string }} props
 */
export const LicenseStatus = ({ of }) =>
  html`<${Badge} tone=${TONES[of] ?? "off"}>${TEXTS[of] ?? of}<//>`;

/**
 * The key or the users of a license.
 *
 * @param {{ license: AnyLicense }} props
 */
export const LicenseHolder = ({ license: { license_key: key, license_users: users = [] } }) =>
  key
    ? html`<${Masked} text=${key} />`
    : users.length === 0
      ? html`<span class="soft">No users</span>`
      : users.map(
          ({ email, is_manager: manager }) =>
            html`<div><${Email} of=${email} />${manager && html` <span class="soft">manager</span>`}</div>`,
        );

/**
 * What tells a license apart: the end of its key, or its first user.
 *
 * @type {(license: AnyLicense) => string | number}
 */
export const licenseTitle = ({ id, license_key: key, license_users: users }) =>
  key ? `ending in ${key.slice(-4)}` : users?.length ? `of ${users[0].email}` : id;

/**
 * In a large order, licenses have no terms and no status.
 *
 * @type {Column<AnyLicense>[]}
 */
export const LICENSE_COLUMNS = [
  { head: "License", cell: (license) => html`<${LicenseHolder} license=${license} />` },
  {
    head: "Product",
    kind: "mid",
    cell: (license) => license.product?.product_name ?? license.product_code,
  },
  {
    head: "Terms",
    kind: "long",
    wide: true,
    cell: (license) =>
      license.license_type
        ? html`${TYPES[license.license_type]}<small>${summarizeTerms(license)}</small>`
        : "–",
  },
  {
    head: "Status",
    cell: ({ status }) => (status ? html`<${LicenseStatus} of=${status} />` : "–"),
  },
  {
    head: html`<span class="visually-hidden">Details</span>`,
    cell: (license) =>
      html`<a href=${link(`licenses/${license.id}`)} class="open"
        aria-label="View license ${licenseTitle(license)}"><${Icon} name="next" /></a>`,
  },
];
