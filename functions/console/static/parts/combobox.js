// An input with a list of suggestions below it, as in the ARIA pattern of a combobox.

/** @import { Children } from "./types.ts" */
import { useEffect, useId, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Field } from "./fields.js";
import { html } from "./html.js";

/**
 * @typedef {object} Suggestion
 * @property {string} id
 * @property {string} title
 * @property {string} [detail]
 * @property {string} [href] makes the suggestion a link
 */
/** @typedef {{ title: string, suggestions: Suggestion[] }} Group */

/**
 * Arrow keys select a suggestion, Enter picks it. A `popup` is open while the input has focus and was
 * typed into; Escape closes it. Without it, the list is always open and has a selected suggestion. All
 * other properties are those of `Field`.
 *
 * @param {{
 *   label: Children,
 *   list: string,
 *   groups: Group[],
 *   popup?: boolean,
 *   onInput: (value: string) => void,
 *   onPick: (suggestion: Suggestion) => void,
 *   onBlur?: () => void,
 * }} props
 */
export function Combobox({ list, groups, popup = false, onInput, onPick, onBlur, ...rest }) {
  const id = useId();
  const isOpen = useSignal(!popup);
  const selected = useSignal(popup ? -1 : 0);
  const options = groups.flatMap(({ suggestions }) => suggestions);
  const identity = options.map((each) => each.id).join(" ");
  const shown = isOpen.value && options.length > 0;
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    selected.value = popup ? -1 : 0;
  }, [identity]);
  useEffect(() => {
    box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [selected.value]);
  /** @type {(event: KeyboardEvent) => void} */
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && options.length) {
      event.preventDefault();
      const last = isOpen.value ? selected.value : -1;
      isOpen.value = true;
      selected.value = (Math.max(last, step > 0 ? -1 : 0) + step + options.length) % options.length;
    } else if (event.key === "Enter" && shown && options[selected.value]) {
      event.preventDefault();
      pick(options[selected.value]);
    } else if (event.key === "Escape" && popup && shown) {
      event.preventDefault();
      isOpen.value = false;
    }
  };
  /** @type {(suggestion: Suggestion) => void} */
  const pick = (suggestion) => {
    if (popup) isOpen.value = false;
    onPick(suggestion);
  };
  const active = shown && options[selected.value];
  return html`<div class="combobox" data-popup=${popup ? "" : undefined} ref=${box}>
    <${Field} ...${rest} role="combobox" aria-autocomplete="list" autocomplete="off"
      aria-expanded=${shown ? "true" : "false"} aria-controls=${shown ? id : undefined}
      aria-activedescendant=${active ? `${id}-${active.id}` : undefined} onKeyDown=${press}
      onInput=${(/** @type {string} */ value) => {
        isOpen.value = true;
        onInput(value);
      }}
      onBlur=${() => {
        if (popup) isOpen.value = false;
        onBlur?.();
      }} />
    ${
      shown &&
      html`<div role="listbox" id=${id} aria-label=${list} class="options">
        ${groups
          .filter(({ suggestions }) => suggestions.length)
          .map(
            ({ title, suggestions }) => html`<div role="group" aria-label=${title}>
              <p class="soft" aria-hidden="true">${title}</p>
              ${suggestions.map(
                (each) => html`<${each.href ? "a" : "div"} key=${each.id} id="${id}-${each.id}"
                role="option" tabindex="-1" href=${each.href}
                aria-selected=${each === active ? "true" : "false"}
                onMouseDown=${(/** @type {Event} */ event) => event.preventDefault()}
                onClick=${(/** @type {MouseEvent} */ event) => {
                  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                  event.preventDefault();
                  pick(each);
                }}>
                <span>${each.title}</span>${each.detail && html` <small>${each.detail}</small>`}
              <//>`,
              )}
            </div>`,
          )}
      </div>`
    }
  </div>`;
}
