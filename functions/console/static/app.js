// The shell of the console: sign-in, navigation and the current page.

/** @import { PageQuery } from "./parts/types.ts" */
import { render } from "preact";
import { useSignal, useSignalEffect } from "@preact/signals";
import { Customers } from "./pages/customers.js";
import { Dialog, Dialogs } from "./parts/dialogs.js";
import "./parts/drop.js";
import { Features } from "./pages/features.js";
import { keepFocus } from "./parts/focus.js";
import { Home } from "./pages/home.js";
import { html } from "./parts/html.js";
import { Icon } from "./parts/icons.js";
import { Lazy } from "./parts/lazy.js";
import { Licenses } from "./pages/licenses.js";
import { Orders } from "./pages/orders.js";
import { Empty, LiveRegion, Notice, notices, Page, runningImports } from "./parts/parts.js";
import { Policies } from "./pages/policies.js";
import { Products } from "./pages/products.js";
import { link, route } from "./parts/route.js";
import { overlay } from "./parts/shortcuts.js";
import { company, key, keyError, keyName, keyPrefix, signOut, stage } from "./api/session.js";
import { Logo, RenewKey, SignIn } from "./pages/sign_in.js";

/**
 * A page or dialog in the second bundle, which is fetched on first use.
 *
 * @type {(name: "Activity" | "ApiKeys" | "Imports" | "Search" | "Shortcuts") => (props: object) => unknown}
 */
const later = (name) => {
  const fetch = async () => (await import("./later.js"))[name];
  return (props) => html`<${Lazy} fetch=${fetch} ...${props} />`;
};

/**
 * The pages by the first part of the path.
 *
 * @type {Record<string, (props: { parts: string[], query: PageQuery }) => unknown>}
 */
const PAGES = {
  activity: later("Activity"),
  "api-keys": later("ApiKeys"),
  customers: Customers,
  features: Features,
  home: Home,
  imports: later("Imports"),
  licenses: Licenses,
  orders: Orders,
  policies: Policies,
  products: Products,
};

/** @type {[title: string, entries: [path: string, text: string, icon: string][]][]} */
const MENU = [
  ["", [["home", "Home", "home"]]],
  [
    "Sales",
    [
      ["orders", "Orders", "orders"],
      ["customers", "Customers", "customers"],
    ],
  ],
  [
    "Licenses",
    [
      ["licenses", "Licenses", "licenses"],
      ["imports", "Imports", "imports"],
    ],
  ],
  [
    "Catalog",
    [
      ["products", "Products", "products"],
      ["policies", "License policies", "policies"],
      ["features", "Product features", "features"],
    ],
  ],
  [
    "Settings",
    [
      ["activity", "Activity", "clock"],
      ["api-keys", "API keys", "key"],
    ],
  ],
];

function App() {
  if (!key.value) return html`<${SignIn} /><${LiveRegion} />`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <div class="shell">
      <${Sidebar} />
      <main id="main" tabindex="-1"><${Current} /></main>
    </div>
    <${Notices} />
    <${Dialogs} />
    <${Overlay} />
    ${keyError.value && html`<${RenewKey} />`}
    <${LiveRegion} />
  `;
}

const Search = later("Search");
const Shortcuts = later("Shortcuts");

/** The search, or the list of shortcuts, over any page. */
function Overlay() {
  const close = () => (overlay.value = null);
  if (overlay.value === "search")
    return html`<${Dialog} key="search" title="Search" onClose=${close}>
      <${Search} onClose=${close} /><//>`;
  return (
    overlay.value &&
    html`<${Dialog} key="shortcuts" title="Keyboard shortcuts" onClose=${close}>
      <${Shortcuts} onClose=${close} /><//>`
  );
}

/** Notifications that are shown on every page, such as the end of an import. */
function Notices() {
  if (!notices.value.length) return null;
  const dismiss = (/** @type {object} */ one) => () => {
    notices.value = notices.value.filter((each) => each !== one);
  };
  return html`<section class="notices" aria-label="Notifications">${notices.value.map(
    (each) => html`<${Notice} kind=${each.kind} title=${each.title}>
      <div class="row"><a href=${each.href} onClick=${dismiss(each)}>View import</a>
        <button type="button" class="plain" onClick=${dismiss(each)}>Dismiss</button></div>
    <//>`,
  )}</section>`;
}

/** A link that looks like a button also works like one: by the space bar. */
addEventListener("keydown", (event) => {
  const { key: pressed, target } = event;
  if (pressed !== " " || !(target instanceof HTMLElement && target.matches("a[role=button]")))
    return;
  event.preventDefault();
  target.click();
});

/**
 * Not by following the link, because the fragment of the address is the page.
 *
 * @type {(event: Event) => void}
 */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Sidebar() {
  const open = useSignal(false);
  useSignalEffect(() => {
    route.value;
    open.value = false;
  });
  const press = (/** @type {KeyboardEvent} */ { key: pressed, currentTarget }) => {
    if (pressed !== "Escape" || !open.value) return;
    open.value = false;
    const { parentElement: header } = /** @type {HTMLElement} */ (currentTarget);
    /** @type {HTMLElement | null | undefined} */ (header?.querySelector(".menu"))?.focus();
  };
  return html`<header class="side" data-open=${open.value ? "" : undefined} onKeyDown=${press}>
    <a class="brand" href=${link("")}><${Logo} /><span>Keywright
      <small title=${company}>${company}${stage.value && ` · ${stage}`}</small></span></a>
    <button type="button" class="plain find" aria-keyshortcuts="/ Control+K"
      onClick=${() => (overlay.value = "search")}>
      <${Icon} name="search" />Search<kbd aria-hidden="true">/</kbd>
    </button>
    <button type="button" class="plain menu" aria-expanded=${open.value ? "true" : "false"}
      aria-controls="menu" onClick=${() => (open.value = !open.value)}>
      <${Icon} name=${open.value ? "close" : "menu"} />Menu
    </button>
    <div id="menu" class="folded">
      <nav aria-label="Main">
        ${MENU.map(
          ([title, entries]) => html`${title && html`<h2>${title}</h2>`}
            <ul>${entries.map((entry) => html`<li><${Entry} entry=${entry} /></li>`)}</ul>`,
        )}
      </nav>
      <div class="foot">
        <a href="../docs" target="_blank" rel="noreferrer"><${Icon} name="book" />API docs</a>
        <button type="button" class="plain" aria-keyshortcuts="?"
          onClick=${() => (overlay.value = "shortcuts")}><${Icon} name="keyboard" />Keyboard shortcuts</button>
        <button type="button" class="plain" onClick=${signOut}><${Icon} name="out" />Sign out</button>
        <p class="soft" title="The API key that you are signed in with">${keyName.value || "API key"} <code>${keyPrefix}</code></p>
      </div>
    </div>
  </header>`;
}

/** @param {{ entry: [path: string, text: string, icon: string] }} props */
function Entry({ entry: [path, text, icon] }) {
  const here = route.value.path;
  const current = (here || "home") === path || here.startsWith(`${path}/`);
  return html`<a href=${link(path)} aria-current=${current ? "page" : undefined}>
    <${Icon} name=${icon} />${text}
    ${path === "imports" && runningImports.value > 0 && html`<${Running} />`}
  </a>`;
}

const Running = () =>
  html`<span class="count">${runningImports}<span class="visually-hidden"> running</span></span>`;

function Current() {
  const { parts, query } = route.value;
  const [first = "home", ...rest] = parts;
  if (!Object.hasOwn(PAGES, first)) return html`<${NotFound} />`;
  return html`<${PAGES[first]} key=${first} parts=${rest} query=${query} />`;
}

function NotFound() {
  return html`<${Page} title="Page not found">
    <${Empty} icon="search" title="No page at this address">
      <p>Check the address, or <a href=${link("")}>go to Home</a>.</p>
    <//>
  <//>`;
}

keepFocus();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));

/** Prefetch the second bundle, so that its pages work even if the network is lost. */
setTimeout(() => import("./later.js").catch(() => {}), 300);
