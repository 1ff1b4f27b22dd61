// The list of keyboard shortcuts.
import { Checkbox } from "../parts/fields.js";
import { html } from "../parts/html.js";
import { setSingleKeys, singleKeys } from "../parts/shortcuts.js";

/** @type {[keys: string[], text: string][]} */
const SHORTCUTS = [
  [["/"], "Search"],
  [["Ctrl K"], "Search, also while you type (⌘K on a Mac)"],
  [["g", "h"], "Home"],
  [["g", "o"], "Orders"],
  [["g", "c"], "Customers"],
  [["g", "l"], "Licenses"],
  [["g", "i"], "Imports"],
  [["g", "p"], "Products"],
  [["g", "a"], "Activity"],
  [["?"], "This list"],
];

/** @param {{ onClose: () => void }} props */
export function Shortcuts({ onClose }) {
  return html`<dl class="shortcuts">
      ${SHORTCUTS.map(
        ([
          keys,
          text,
        ]) => html`<dt>${keys.map((each, n) => html`${n > 0 && " then "}<kbd>${each}</kbd>`)}</dt>
        <dd>${text}</dd>`,
      )}
    </dl>
    <${Checkbox} label="Shortcuts without Ctrl" checked=${singleKeys.value}
      hint="Turn them off if speech input triggers them." onChange=${setSingleKeys} />
    <footer><button type="button" onClick=${onClose}>Close</button></footer>`;
}
