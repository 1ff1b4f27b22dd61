// How records are shown wherever they are named: who bought, who may use, in which state.
import { Masked } from "./fields.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Badge } from "./parts.js";
import { link } from "./route.js";
import { TYPES, inShort } from "./terms.js";

export const nameOf = ({ first_name: first, last_name: last }) =>
  [first, last].filter(Boolean).join(" ");

/** An e-mail address, which breaks before its host where there is no room. */
export function Email({ of }) {
  const at = of.lastIndexOf("@");
  return html`${of.slice(0, at)}<wbr />${of.slice(at)}`;
}

/** A customer by the name that says most. */
export function Buyer({ customer }) {
  const title =
    customer.company_name || nameOf(customer) || customer.email || customer.reference || "No name";
  const more = title === customer.email ? "" : customer.email;
  return html`<a href=${link(`customers/${customer.id}`)}>${title}</a>${more &&
    html` <small class="email" title=${more}>${more}</small>`}`;
}

export const marks = (order) => html`${order.is_test && html`<${Badge} tone="off">Test<//>`}
  ${order.is_trial && html`<${Badge} tone="wait">Trial<//>`}`;

/** How one shows that one has a license of a product. */
export const licensedBy = ({ authorization_method: method, is_bundle: bundle }) =>
  `${method === "user" ? "Users" : "Keys"}${bundle ? ", bundle" : ""}`;

/** Whether a product or feature is there for new licenses. */
export function State({ of: { active = true, is_archived: archived }, on = "On sale" }) {
  if (archived) return html`<${Badge} tone="off">Archived<//>`;
  return active ? html`<${Badge} tone="good">${on}<//>` : html`<${Badge} tone="warn">Disabled<//>`;
}

const TONES = { Active: "good", Inactive: "wait", Disabled: "off", Expired: "warn" };
const WORDS = { Inactive: "Not activated" };

/** The published word of a license's state. */
export const Status = ({ of }) => html`<${Badge} tone=${TONES[of] ?? "off"}>${WORDS[of] ?? of}<//>`;

/** A license by its key, or by who uses it. */
export const Holder = ({ license: { license_key: key, license_users: users = [] } }) =>
  key
    ? html`<${Masked} text=${key} />`
    : users.map(
        ({ email, is_manager: manager }) =>
          html`<div><${Email} of=${email} />${manager && html` <span class="soft">manager</span>`}</div>`,
      );

const titleOf = ({ id, license_key: key, license_users: users }) =>
  key ? `ending in ${key.slice(-4)}` : users?.length ? `of ${users[0].email}` : id;

/** Large orders tell of each license in brief, without its terms. */
export const LICENSE_COLUMNS = [
  { head: "License", cell: (lic) => html`<${Holder} license=${lic} />` },
  { head: "Product", kind: "mid", cell: (lic) => lic.product?.product_name ?? lic.product_code },
  {
    head: "Terms",
    kind: "long",
    wide: true,
    cell: (lic) =>
      lic.license_type ? html`${TYPES[lic.license_type]}<small>${inShort(lic)}</small>` : "–",
  },
  { head: "Status", cell: (lic) => (lic.status ? html`<${Status} of=${lic.status} />` : "–") },
  {
    head: html`<span class="unseen">More</span>`,
    cell: (lic) =>
      html`<a href=${link(`licenses/${lic.id}`)} class="open"
        aria-label="Details of the license ${titleOf(lic)}"><${Icon} name="next" /></a>`,
  },
];
