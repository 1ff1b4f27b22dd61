// Groups of errors: filter rows by one, and replace a value in all rows that have it.

/** @import { FaultGroup, GroupValue } from "../csv/fault_groups.js" */
import { useSignal } from "@preact/signals";
import { suggestValue } from "../csv/fault_groups.js";
import { Button } from "../parts/buttons.js";
import { formatCount, formatNumber } from "../parts/formats.js";
import { ColumnName } from "./column_names.js";
import { html } from "../parts/html.js";

/** Values of a group that are shown. */
const SHOWN = 5;
/** Errors of a value by itself, which another value can fix in all rows. */
const UNFIXABLE = new Set(["duplicate_in_file", "already_exists", "no_such_record"]);

/** @typedef {(group: FaultGroup, value: string, replacement: string) => void} OnReplace */
/** @typedef {(group: FaultGroup, replacement: string) => string} Validate why it can't be, or "" */

/**
 * `names` are values that the server knows, by code of the error, such as products.
 *
 * @param {{
 *   groups: FaultGroup[],
 *   selected: string,
 *   onSelect: (id: string) => void,
 *   onReplace: OnReplace,
 *   validate: Validate,
 *   names?: Record<string, string[]>,
 * }} props
 */
export function FaultGroups({ groups, selected, onSelect, onReplace, validate, names = {} }) {
  return html`<ul class="groups" aria-label="Errors by column">
    ${groups.map(
      (group) => html`<li key=${group.id} class="card">
        <div class="row apart">
          <span>${group.column ? html`<${ColumnName} of=${group.column} />` : "Entire row"}${": "}
            ${group.values.length > 1 && group.values[0].message !== group.values[1].message ? group.code.replaceAll("_", " ") : group.message}</span>
          <button type="button" class="plain" aria-pressed=${group.id === selected ? "true" : "false"}
            onClick=${() => onSelect(group.id === selected ? "" : group.id)}>${formatCount(group.rows, "row")}</button>
        </div>
        ${
          group.column &&
          !UNFIXABLE.has(group.code) &&
          group.values
            .slice(0, SHOWN)
            .filter(({ value }) => value)
            .map(
              (
                value,
              ) => html`<${Replace} key=${value.value} ...${{ group, value, onReplace, validate }}
            meant=${suggestValue(value.value, value.message, names[group.code])} />`,
            )
        }
      </li>`,
    )}
  </ul>`;
}

/**
 * @param {{
 *   group: FaultGroup,
 *   value: GroupValue,
 *   onReplace: OnReplace,
 *   validate: Validate,
 *   meant: string,
 * }} props
 */
function Replace({ group, value: { value, count }, onReplace, validate, meant }) {
  const typed = useSignal("");
  const replacement = typed.value || meant;
  const problem = typed.value.trim() && validate(group, typed.value.trim());
  const isReady = replacement.trim() && replacement !== value && !problem;
  const rows = count > 1 ? `all ${formatNumber(count)}` : "it";
  return html`<div class="row replace">
    <span><b>${formatNumber(count)} ×</b> <code>${value}</code>${meant && html` Did you mean <code>${meant}</code>?`}</span>
    <span class="row">
      <input value=${typed.value || meant} aria-label="Replacement for ${value} in ${group.column}" spellcheck=${false}
        autocomplete="off" onInput=${(/** @type {{ currentTarget: HTMLInputElement }} */ { currentTarget }) => (typed.value = currentTarget.value)} />
      <${Button} plain aria-label="Replace ${rows} ${value} in ${group.column}"
        disabled=${!isReady}
        onPress=${() => onReplace(group, value, replacement.trim())}>Replace ${rows}<//>
    </span>
    ${problem && html`<span class="wrong">${problem}</span>`}
  </div>`;
}
