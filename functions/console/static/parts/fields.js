// Form controls with a label, a hint and an error.

/** @import { Children } from "./types.ts" */
import { useId } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";

/** @typedef {{ currentTarget: HTMLInputElement }} InputEvent */

/**
 * A labeled input with its hint and error below. `as` is input, select or textarea; `children` are
 * the options of a select; all other properties are passed to the element.
 *
 *     <${Field} label="Code" value=${code} onInput=${(value) => …} error=${errors.code} />
 *
 * @param {{
 *   label: Children,
 *   hint?: Children,
 *   error?: string,
 *   as?: "input" | "select" | "textarea",
 *   required?: boolean,
 *   onInput?: (value: string) => void,
 *   children?: Children,
 * }} props
 */
export function Field({ label, hint, error, as = "input", onInput, children, ...rest }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}${rest.required && html`<span class="soft"> (required)</span>`}</label>
    <${as} id=${id} ...${rest} aria-describedby=${described || undefined}
      aria-invalid=${error ? "true" : undefined}
      onInput=${(/** @type {InputEvent} */ event) => onInput?.(event.currentTarget.value)}>${children}<//>
    ${hint && html`<small id="${id}-hint">${hint}</small>`}
    ${error && html`<small id="${id}-error" class="wrong"><${Icon} name="error" />${error}</small>`}
  </div>`;
}

/**
 * @param {{
 *   label: Children,
 *   hint?: Children,
 *   checked: boolean,
 *   onChange: (checked: boolean) => void,
 * }} props
 */
export function Checkbox({ label, hint, checked, onChange, ...rest }) {
  const id = useId();
  return html`<div class="check">
    <input type="checkbox" id=${id} checked=${checked} ...${rest}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(/** @type {InputEvent} */ event) => onChange(event.currentTarget.checked)} />
    <label for=${id}>${label}</label>
    ${hint && html`<small id="${id}-hint">${hint}</small>`}
  </div>`;
}
