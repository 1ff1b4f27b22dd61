// Products: what can be sold.
import { useProducts } from "./catalog.js";
import { Action } from "./fields.js";
import { html } from "./html.js";
import { Empty, Loaded, Page, Table } from "./parts.js";
import { Product } from "./product.js";
import { EditProduct, NewProduct } from "./product_form.js";
import { State, licensedBy } from "./records.js";
import { link } from "./route.js";
import { TYPES, inShort } from "./terms.js";

export function Products({ parts: [id, part] }) {
  if (id === "new") return html`<${NewProduct} />`;
  if (id && part === "edit") return html`<${EditProduct} key=${id} id=${id} />`;
  return id ? html`<${Product} key=${id} id=${id} />` : html`<${ProductList} />`;
}

const COLUMNS = [
  {
    head: "Product",
    cell: (product) => html`<a href=${link(`products/${product.id}`)}>${product.product_name}</a>`,
  },
  { head: "Code", kind: "code", cell: ({ short_code: code }) => code },
  { head: "Licensed by", kind: "mid", cell: licensedBy },
  {
    head: "Type",
    wide: true,
    cell: ({ default_license_type: type }) =>
      TYPES[type] ?? html`<span class="soft">By policy</span>`,
  },
  { head: "Terms", wide: true, cell: (product) => inShort(product) || "–" },
  { head: "State", cell: (product) => html`<${State} of=${product} />` },
];

function ProductList() {
  const products = useProducts();
  const create = html`<${Action} scope="catalog:write" to=${link("products/new")}
    icon="plus">New product<//>`;
  return html`<${Page} title="Products" lead="Products and their default terms"
    actions=${create}>
    <${Loaded} from=${products} rows=${6}>
      ${(all) =>
        all.length
          ? html`<${Table} caption="Products" columns=${COLUMNS} rows=${all}
            busy=${products.loading} />`
          : html`<${Empty} icon="products" title="No products yet">
              <p>A product is what a license is for. It comes with a default policy, so it can be
                ordered at once.</p>
              ${create}
            <//>`}
    <//>
  <//>`;
}
