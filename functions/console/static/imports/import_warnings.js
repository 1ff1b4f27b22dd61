// Rows with warnings, such as a changed value or an existing record that differs.

/** @import { Answer, Import } from "../api/types.ts" */
/** @import { Column } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { CursorPager } from "./corrections.js";
import { formatNumber } from "../parts/formats.js";
import { ColumnName } from "./column_names.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { Loaded, Table } from "../parts/parts.js";

const LIMIT = 50;

/** @typedef {Answer<"get", "imports/1/rows/">} RowsPage */
/** @typedef {{ row: number | null, line: number | null, column?: string | null, message: string, value?: unknown }} Warning */

/** @param {{ job: Import }} props */
export function Warnings({ job }) {
  const cursors = useSignal(/** @type {string[]} */ ([]));
  const cursor = cursors.value.at(-1);
  const from = useLoad(
    (signal) =>
      api.get(`imports/${job.id}/rows/`, { outcome: "warning", limit: LIMIT, cursor }, { signal }),
    [job.id, cursor],
  );
  return html`<section class="part">
    <h2>Warnings</h2>
    <p class="soft">These rows are valid. Check them: some values were not imported as given.</p>
    <${Loaded} from=${from} rows=${4}>
      ${(/** @type {RowsPage} */ page) => html`
        <div class="tall"><${Table} caption="Rows with warnings" rows=${toRows(page)} columns=${COLUMNS} /></div>
        <${CursorPager} page=${page} cursors=${cursors} count=${page.count} what="warnings" />
      `}
    <//>
  </section>`;
}

/** @type {(page: RowsPage) => Warning[]} */
const toRows = ({ results }) =>
  results.flatMap((each) =>
    "warnings" in each
      ? each.warnings.map((warning) => ({ ...warning, row: each.row, line: each.line }))
      : [],
  );

/** @type {Column<Warning>[]} */
const COLUMNS = [
  { head: "Row", kind: "number", cell: (each) => formatNumber(each.row) },
  { head: "Line", kind: "number", wide: true, cell: (each) => formatNumber(each.line) },
  { head: "Column", cell: (each) => each.column && html`<${ColumnName} of=${each.column} />` },
  { head: "Value", cell: (each) => each.value ?? html`<span class="soft">(empty)</span>` },
  { head: "Warning", cell: (each) => each.message },
];
