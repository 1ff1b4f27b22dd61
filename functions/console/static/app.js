// The shell: who may come in, where one is, and the page that belongs there.
import { render } from "preact";
import { useSignal, useSignalEffect } from "@preact/signals";
import "./drop.js";
import { Fetched } from "./fetched.js";
import { Confirmation } from "./fields.js";
import { keepFocus } from "./focus.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Empty, LiveRegion, Notice, notices, Page } from "./parts.js";
import { link, route } from "./route.js";
import { company, key, prefix, refusal, signOut } from "./session.js";
import { Mark, SignIn, SignInAgain } from "./sign_in.js";

/** The first word of an address, and the page for it, which is fetched when it is wanted first. */
const PAGES = {
  customers: async () => (await import("./customers.js")).Customers,
  features: async () => (await import("./features.js")).Features,
  imports: async () => (await import("./imports.js")).Imports,
  licenses: async () => (await import("./licenses.js")).Licenses,
  orders: async () => (await import("./orders.js")).Orders,
  policies: async () => (await import("./policies.js")).Policies,
  products: async () => (await import("./products.js")).Products,
};

/** Parts of pages that are needed where the network may have gone meanwhile. */
const PARTS = [() => import("./import_new.js"), () => import("./import_job.js")];

const MENU = [
  ["Sales", [["orders", "Orders", "orders"], ["customers", "Customers", "customers"], ["imports/customers", "Customer imports", "imports"]]],
  ["Licenses", [["licenses", "Licenses", "licenses"], ["imports/licenses", "License imports", "imports"], ["imports/license-features", "Feature imports", "imports"]]],
  ["Catalog", [["products", "Products", "products"], ["policies", "License policies", "policies"], ["features", "Product features", "features"]]],
];

function App() {
  if (!key.value) return html`<${SignIn} /><${LiveRegion} />`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <div class="shell">
      <${Sidebar} />
      <main id="main" tabindex="-1"><${Current} /></main>
    </div>
    <${Notices} />
    <${Confirmation} />
    ${refusal.value && html`<${SignInAgain} />`}
    <${LiveRegion} />
  `;
}

/** Events of which every page tells, such as the end of an import. */
function Notices() {
  if (!notices.value.length) return null;
  const close = (one) => () => (notices.value = notices.value.filter((each) => each !== one));
  return html`<section class="notices" aria-label="Notifications">${notices.value.map(
    (each) => html`<${Notice} kind=${each.kind} title=${each.title}>
      <div class="row"><a href=${each.href} onClick=${close(each)}>View import</a>
        <button type="button" class="plain" onClick=${close(each)}>Dismiss</button></div>
    <//>`,
  )}</section>`;
}

/** What looks like a button is pressed like one, by the space bar too. */
addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.("a[role=button]")) return;
  event.preventDefault();
  event.target.click();
});

/** By hand, since the address after the `#` says which page this is. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Sidebar() {
  const open = useSignal(false);
  useSignalEffect(() => {
    route.value;
    open.value = false;
  });
  return html`<header class="side" data-open=${open.value ? "" : undefined}>
    <a class="brand" href=${link("")}><${Mark} />Keywright</a>
    <button type="button" class="plain menu" aria-expanded=${open.value ? "true" : "false"}
      aria-controls="menu" onClick=${() => (open.value = !open.value)}>
      <${Icon} name=${open.value ? "close" : "menu"} />Menu
    </button>
    <div id="menu" class="folded">
      <nav aria-label="Main">
        ${MENU.map(
          ([title, entries]) => html`<h2>${title}</h2>
            <ul>${entries.map((entry) => html`<li><${Entry} entry=${entry} /></li>`)}</ul>`,
        )}
      </nav>
      <div class="foot">
        <a href="../docs" target="_blank" rel="noreferrer"><${Icon} name="book" />API documents</a>
        <button type="button" class="plain" onClick=${signOut}><${Icon} name="out" />Sign out</button>
        <p class="soft">${company}, key <code>${prefix}</code></p>
      </div>
    </div>
  </header>`;
}

function Entry({ entry: [path, text, icon] }) {
  const here = route.value.path;
  const current = here === path || here.startsWith(`${path}/`);
  return html`<a href=${link(path)} aria-current=${current ? "page" : undefined}>
    <${Icon} name=${icon} />${text}
  </a>`;
}

function Current() {
  const { parts, query } = route.value;
  const [first = "orders", ...rest] = parts;
  if (!Object.hasOwn(PAGES, first)) return html`<${Missing} />`;
  return html`<${Fetched} key=${first} fetch=${PAGES[first]} parts=${rest} query=${query} />`;
}

function Missing() {
  return html`<${Page} title="There is no such page">
    <${Empty} icon="search" title="Nothing is at this address">
      <p>It may have been mistyped. <a href=${link("orders")}>Go to the orders</a>.</p>
    <//>
  <//>`;
}

keepFocus();
render(html`<${App} />`, document.getElementById("app"));

/** The other pages come behind the first one, so that none is missing when the network is. */
setTimeout(async () => {
  for (const fetch of [...Object.values(PAGES), ...PARTS]) await fetch().catch(() => {});
}, 300);
