// The list of licenses. A license, and the actions for selected ones, are in the second bundle.

/** @import { FilterField } from "../forms/filters.js" */
/** @import { Answer, License as LicenseRecord, Query } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { productFilter, useProducts } from "./catalog.js";
import { activeFilters, Filters } from "../forms/filters.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Lazy } from "../parts/lazy.js";
import { Empty, Loaded, Page, Pager, Table } from "../parts/parts.js";
import { CustomerLink, LICENSE_COLUMNS, licenseTitle } from "./records.js";
import { link } from "../parts/route.js";

const LIMIT = 25;
/** @type {FilterField<keyof Query<"licenses/">>[]} */
const FIELDS = [
  { name: "license_key", label: "License key", secret: true, spellcheck: false },
  { name: "customer_email", label: "Customer email", type: "email" },
  { name: "order_store_id", label: "Order ID" },
];
/** @type {Column<AnyLicense>[]} */
const COLUMNS = LICENSE_COLUMNS.toSpliced(1, 0, {
  head: "Customer",
  wide: true,
  cell: ({ customer }) => (customer ? html`<${CustomerLink} customer=${customer} />` : "–"),
});

const fetchLicense = async () => (await import("../later.js")).License;
const fetchActions = async () => (await import("../later.js")).BulkActions;

/** @param {{ parts: string[], query: PageQuery }} props */
export function Licenses({ parts: [id], query }) {
  return id
    ? html`<${Lazy} key=${id} fetch=${fetchLicense} id=${id} />`
    : html`<${LicenseList} query=${query} />`;
}

/** @param {{ query: PageQuery }} props */
function LicenseList({ query }) {
  const products = useProducts();
  const filters = activeFilters("licenses", query);
  const licenses = useLoad(
    (signal) => api.get("licenses/", { ...filters, limit: LIMIT }, { signal }),
    [JSON.stringify(filters)],
  );
  const ids = useSignal(/** @type {Set<number>} */ (new Set()));
  const used = useSignal(false);
  const rows = licenses.value?.results ?? [];
  const selected = new Set(rows.filter(({ id }) => ids.value.has(id)));
  const select = (/** @type {Set<LicenseRecord>} */ chosen) => {
    ids.value = new Set([...chosen].map(({ id }) => id));
    used.value = true;
  };
  const selection = {
    selected,
    onChange: select,
    label: (/** @type {LicenseRecord} */ license) => `license ${licenseTitle(license)}`,
    all: "Select all licenses on this page",
  };
  return html`<${Page} title="Licenses" lead="All licenses from orders and imports">
    <${Filters} path="licenses" fields=${[...FIELDS, productFilter(products)]} query=${query}
      action="Search licenses" />
    <${Loaded} from=${licenses} rows=${8}>
      ${(/** @type {Answer<"get", "licenses/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Licenses" columns=${COLUMNS} rows=${page.results}
            busy=${licenses.loading} selection=${selection} />
            <${Pager} page=${page} path="licenses" query=${query} limit=${LIMIT}
              nouns=${["license"]} />`
          : html`<${NoLicenses} filtered=${Object.keys(filters).length > 0} />`}
    <//>
    ${
      used.value &&
      html`<${Lazy} fetch=${fetchActions} licenses=${[...selected]} onChanged=${licenses.reload}
        onClear=${() => select(new Set())} />`
    }
  <//>`;
}

/** @param {{ filtered: boolean }} props */
const NoLicenses = ({ filtered }) =>
  filtered
    ? html`<${Empty} icon="search" title="No matching licenses">
        <p>Search needs the complete key, email or order ID. Keys are case-sensitive. <a href=${link("licenses")}>Show all licenses</a></p>
      <//>`
    : html`<${Empty} icon="licenses" title="No licenses yet">
        <p>Licenses are issued by orders, or imported from a file.</p>
        <${LinkButton} scope="orders:write" to=${link("orders/new")}>New order<//>
        <${LinkButton} scope="imports:write" plain
          to=${link("imports/licenses/new")}>Import licenses<//>
      <//>`;
