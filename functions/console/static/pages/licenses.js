// The list of licenses. The page of a license is in the second bundle.

/** @import { FilterField } from "../forms/filters.js" */
/** @import { Answer, Query } from "../api/types.ts" */
/** @import { Column, PageQuery } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { productFilter, useProducts } from "./catalog.js";
import {
  activeFilters,
  addDays,
  checkFilters,
  Filters,
  RECORD_FILTERS,
  toApiQuery,
} from "../forms/filters.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Lazy } from "../parts/lazy.js";
import { Empty, Loaded, Page, Pager } from "../parts/parts.js";
import { LicenseTable } from "./license_table.js";
import { CustomerLink, LICENSE_COLUMNS } from "./records.js";
import { ExportAll } from "../parts/export_all.js";
import { link } from "../parts/route.js";

const LIMIT = 25;
/** Days before its end from which a license ends soon. */
export const ENDING = 30;

/**
 * The API's filter of licenses that end within so many days, today included.
 *
 * @type {(days: number) => { validity_period__gte: string, validity_period__lt: string }}
 */
export const endsWithin = (days) => ({
  validity_period__gte: addDays(Date.now(), 0),
  validity_period__lt: addDays(Date.now(), days + 1),
});

/** @type {FilterField<keyof Query<"licenses/"> | "from" | "to" | "show">[]} */
const FIELDS = [
  { name: "license_key", label: "License key", secret: true, spellcheck: false },
  { name: "customer_email", label: "Customer email", type: "email" },
  { name: "order_store_id", label: "Order ID" },
  {
    name: "show",
    label: "Status",
    options: [
      ["", "All"],
      ["ending", `Ending within ${ENDING} days`],
      ["Expired", "Expired"],
      ["Disabled", "Disabled"],
    ],
  },
];

const TIMES = ["from", "to", "source", "product", "order_by"];
/** @type {(values: PageQuery) => PageQuery} */
const checkLicenses = (values) =>
  checkFilters(values, { import_id: [], show: [], source: TIMES, from: TIMES, to: TIMES });

/** @type {(query: PageQuery) => PageQuery} */
const toLicenseQuery = ({ show, ...query }) => ({
  ...toApiQuery(query),
  ...(show === "ending" ? endsWithin(ENDING) : { status: show }),
});
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

/**
 * What a selection belongs to: the list with its filters, on any of its pages.
 *
 * @type {(filters: PageQuery) => string}
 */
const selectionOf = ({ offset: _, cursor: __, ...filters }) => JSON.stringify(filters);

/** @param {{ query: PageQuery }} props */
function LicenseList({ query }) {
  const products = useProducts();
  const filters = activeFilters("licenses", query);
  const licenses = useLoad(
    (signal) => api.get("licenses/", { ...toLicenseQuery(filters), limit: LIMIT }, { signal }),
    [JSON.stringify(filters)],
  );
  return html`<${Page} title="Licenses" lead="All licenses from orders and imports"
    actions=${html`<${ExportAll} kind="licenses" title="Export all licenses" />`}>
    <${Filters} path="licenses" fields=${[...FIELDS, productFilter(products), ...RECORD_FILTERS]}
      query=${query} check=${checkLicenses} action="Search licenses" />
    <${Loaded} from=${licenses} rows=${8}>
      ${(/** @type {Answer<"get", "licenses/">} */ page) =>
        page.results.length
          ? html`<${LicenseTable} key=${selectionOf(filters)} columns=${COLUMNS} licenses=${page.results}
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
        <p>Key, email and order ID must be complete here, and keys are case-sensitive. <a href=${link("licenses")}>Show all licenses</a></p>
      <//>`
    : html`<${Empty} icon="licenses" title="No licenses yet">
        <p>Licenses are issued by orders, or imported from a file.</p>
        <${LinkButton} scope="orders:write" to=${link("orders/new")}>New order<//>
        <${LinkButton} scope="imports:write" plain
          to=${link("imports/licenses/new")}>Import licenses<//>
      <//>`;
