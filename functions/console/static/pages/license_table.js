// A table of licenses that can be selected, and the actions for the selected ones.

/** @import { License } from "../api/types.ts" */
/** @import { Column } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import { useSignal } from "@preact/signals";
import { html } from "../parts/html.js";
import { Lazy } from "../parts/lazy.js";
import { Table } from "../parts/parts.js";
import { licenseTitle } from "./records.js";
import { link } from "../parts/route.js";

const fetchActions = async () => (await import("../later.js")).BulkActions;

/**
 * `pager` is shown below the table, above the actions.
 *
 * @param {{
 *   licenses: License[],
 *   columns: Column<AnyLicense>[],
 *   busy: boolean,
 *   onChanged: () => Promise<void>,
 *   pager?: unknown,
 * }} props
 */
export function LicenseTable({ licenses, columns, busy, onChanged, pager }) {
  const ids = useSignal(/** @type {Set<number>} */ (new Set()));
  const used = useSignal(false);
  const selected = new Set(licenses.filter(({ id }) => ids.value.has(id)));
  const select = (/** @type {Set<License>} */ chosen) => {
    ids.value = new Set([...chosen].map(({ id }) => id));
    used.value = true;
  };
  const selection = {
    selected,
    onChange: select,
    label: (/** @type {License} */ license) => `license ${licenseTitle(license)}`,
    all: "Select all licenses on this page",
  };
  return html`<${Table} caption="Licenses" columns=${columns} rows=${licenses} busy=${busy}
      selection=${selection} to=${(/** @type {License} */ { id }) => link(`licenses/${id}`)} />
    ${pager}
    ${
      used.value &&
      html`<${Lazy} fetch=${fetchActions} licenses=${[...selected]} onChanged=${onChanged}
        onClear=${() => select(new Set())} />`
    }`;
}
