// The list of licenses. The page of a license is in the second bundle.

/** @import { FilterField } from "../forms/filters.js" */
/** @import { Answer, Query } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { productFilter, useProducts } from "./catalog.js";
import { activeFilters, Filters } from "../forms/filters.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Lazy } from "../parts/lazy.js";
import { Empty, Loaded, Page, Pager } from "../parts/parts.js";
import { LicenseTable } from "./license_table.js";
import { CustomerLink, LICENSE_COLUMNS } from "./records.js";
import { ExportAll } from "../parts/export_all.js";
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
  return html`<${Page} title="Licenses" lead="All licenses from orders and imports"
    actions=${html`<${ExportAll} kind="licenses" title="Export all licenses" />`}>
    <${Filters} path="licenses" fields=${[...FIELDS, productFilter(products)]} query=${query}
      action="Search licenses" />
    <${Loaded} from=${licenses} rows=${8}>
      ${(/** @type {Answer<"get", "licenses/">} */ page) =>
        page.results.length
          ? html`<${LicenseTable} columns=${COLUMNS} licenses=${page.results}
            busy=${licenses.loading} onChanged=${licenses.reload}
            pager=${html`<${Pager} page=${page} path="licenses" query=${query} limit=${LIMIT}
              nouns=${["license"]} />`} />`
          : html`<${NoLicenses} filtered=${Object.keys(filters).length > 0} />`}
    <//>
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
