// Tables of licenses that can be selected, and the actions for the selected ones.

/** @import { License } from "../api/types.ts" */
/** @import { Selection } from "../parts/parts.js" */
/** @import { Children, Column } from "../parts/types.ts" */
/** @import { AnyLicense } from "./records.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { html } from "../parts/html.js";
import { Lazy } from "../parts/lazy.js";
import { Table } from "../parts/parts.js";
import { licenseTitle } from "./records.js";
import { link } from "../parts/route.js";

const fetchActions = async () => (await import("../later.js")).BulkActions;

/**
 * A selection of licenses that is kept while the list shows other pages. `of` selects among the
 * licenses of a table; `actions`, shown below the tables, are those for all selected licenses.
 *
 * @param {License[]} shown the licenses on this page
 * @param {() => Promise<void>} onChanged reloads the page
 * @returns {{ of: (licenses: License[], all: string) => Selection<License>, actions: Children }}
 */
export function useSelection(shown, onChanged) {
  const chosen = useSignal(/** @type {Map<number, License>} */ (new Map()));
  const used = useSignal(false);
  const current = new Map(shown.map((license) => [license.id, license]));
  const selected = [...chosen.value.values()].map((each) => current.get(each.id) ?? each);
  const reload = async () => {
    await onChanged();
    const ids = [...chosen.peek().keys()].filter((id) => !current.has(id));
    if (!ids.length) return;
    const query = { id__in: ids.join(","), limit: ids.length };
    try {
      const { results } = await api.get("licenses/", query);
      const kept = chosen.peek();
      const still = results.filter((/** @type {License} */ { id }) => kept.has(id));
      chosen.value = new Map([...kept, ...still.map(pair)]);
    } catch {
      // Their next change is refused if they have changed: it names the version that is known here.
    }
  };
  const actions =
    used.value &&
    html`<${Lazy} fetch=${fetchActions} licenses=${selected} onChanged=${reload}
      elsewhere=${selected.filter(({ id }) => !current.has(id)).length}
      onClear=${() => (chosen.value = new Map())} />`;
  return {
    of: (licenses, all) => ({
      selected: new Set(licenses.filter(({ id }) => chosen.value.has(id))),
      onChange: (marked) => {
        const ids = new Set(licenses.map(({ id }) => id));
        const others = [...chosen.peek()].filter(([id]) => !ids.has(id));
        chosen.value = new Map([...others, ...[...marked].map(pair)]);
        used.value = true;
      },
      label: (license) => `license ${licenseTitle(license)}`,
      all,
    }),
    actions,
  };
}

/** @type {(license: License) => [number, License]} */
const pair = (license) => [license.id, license];

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
  const { of, actions } = useSelection(licenses, onChanged);
  return html`<${Table} caption="Licenses" columns=${columns} rows=${licenses} busy=${busy}
      selection=${of(licenses, "Select all licenses on this page")}
      to=${(/** @type {License} */ { id }) => link(`licenses/${id}`)} />
    ${pager} ${actions}`;
}
