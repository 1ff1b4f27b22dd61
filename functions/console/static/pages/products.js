// The list of products.

/** @import { Product as ProductRecord } from "../api/types.ts" */
/** @import { Column } from "../parts/types.ts" */
import { LinkButton } from "../parts/buttons.js";
import { useProducts } from "./catalog.js";
import { html } from "../parts/html.js";
import { Empty, Loaded, Page, Table } from "../parts/parts.js";
import { Product } from "./product.js";
import { EditProduct, NewProduct } from "./product_form.js";
import { authorizationOf, CatalogStatus } from "./records.js";
import { link } from "../parts/route.js";
import { summarizeTerms, TYPES } from "./terms.js";

/** @param {{ parts: string[] }} props */
export function Products({ parts: [id, part] }) {
  if (id === "new") return html`<${NewProduct} />`;
  if (id && part === "edit") return html`<${EditProduct} key=${id} id=${id} />`;
  return id ? html`<${Product} key=${id} id=${id} />` : html`<${ProductList} />`;
}

/** @type {Column<ProductRecord>[]} */
const COLUMNS = [
  {
    head: "Product",
    cell: (product) => html`<a href=${link(`products/${product.id}`)}>${product.product_name}</a>`,
  },
  { head: "Code", kind: "code", cell: ({ short_code: code }) => code },
  { head: "Authorization", kind: "mid", cell: authorizationOf },
  {
    head: "License type",
    wide: true,
    cell: ({ default_license_type: type }) =>
      (type && TYPES[type]) ?? html`<span class="soft">From policy</span>`,
  },
  { head: "Terms", wide: true, cell: (product) => summarizeTerms(product) || "–" },
  { head: "Status", cell: (product) => html`<${CatalogStatus} of=${product} />` },
];

function ProductList() {
  const products = useProducts();
  const create = html`<${LinkButton} scope="catalog:write" to=${link("products/new")}
    icon="plus">New product<//>`;
  return html`<${Page} title="Products" lead="Products and their default terms"
    actions=${create}>
    <${Loaded} from=${products} rows=${6}>
      ${(/** @type {ProductRecord[]} */ all) =>
        all.length
          ? html`<${Table} caption="Products" columns=${COLUMNS} rows=${all}
            busy=${products.loading} />`
          : html`<${Empty} icon="products" title="No products yet">
              <p>Licenses are issued for products. A new product comes with a default policy, so it can
                be ordered right away.</p>
              ${create}
            <//>`}
    <//>
  <//>`;
}
