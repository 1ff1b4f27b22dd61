// Modal dialogs: confirmations, and texts to copy by hand.

/** @import { Signal } from "@preact/signals" */
/** @import { Children } from "./types.ts" */
import { useId, useRef } from "preact/hooks";
import { effect, signal, useSignal } from "@preact/signals";
import { Field } from "./fields.js";
import { html } from "./html.js";
import { key } from "../api/session.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} action the text of the button that confirms
 * @property {string} [cancel] the text of the other button
 * @property {boolean} [danger]
 * @property {string} [typed] what has to be typed before the button works
 */

/** @type {Signal<(Required<Question> & { resolve: (confirmed: boolean) => void }) | null>} */
const confirmation = signal(null);
/** @type {Signal<string | null>} */
const copyText = signal(null);

/** Close both on sign-out: neither may be shown to the next user. */
effect(() => {
  if (!key.value) confirmation.value = copyText.value = null;
});

/**
 * Ask before a destructive action: `await confirm({title, text, action})` is true if confirmed.
 *
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action, cancel = "Cancel", danger = true, typed = "" }) {
  return new Promise((resolve) => {
    confirmation.value = { title, text, action, cancel, danger, typed, resolve };
  });
}

/**
 * Show a text selected, for browsers that deny access to the clipboard.
 *
 * @type {(text: string) => void}
 */
export function showForCopying(text) {
  copyText.value = text;
}

/** The dialog that is open over the page, if any. */
export function Dialogs() {
  if (copyText.value) return html`<${CopyDialog} />`;
  return confirmation.value && html`<${ConfirmDialog} ...${confirmation.value} />`;
}

const selectAll = (/** @type {{ currentTarget: HTMLTextAreaElement }} */ { currentTarget }) =>
  currentTarget.select();

function CopyDialog() {
  const close = () => (copyText.value = null);
  return html`<${Dialog} title="Copy manually" onClose=${close}>
    <p>Your browser blocked access to the clipboard. The text is selected: press Ctrl+C or ⌘C.</p>
    <${Field} as="textarea" label="Text" value=${copyText} rows="4" readonly autofocus
      spellcheck=${false} onFocus=${selectAll} />
    <footer><button type="button" onClick=${close}>Close</button></footer>
  <//>`;
}

/** @param {Required<Question> & { resolve: (confirmed: boolean) => void }} props */
function ConfirmDialog({ title, text, action, cancel, danger, typed, resolve }) {
  const entered = useSignal("");
  const isReady = !typed || entered.value.trim() === typed;
  /** @type {(confirmed: boolean) => void} */
  const close = (confirmed) => {
    confirmation.value = null;
    resolve(confirmed);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isReady) close(true);
  };
  return html`<${Dialog} title=${title} onClose=${() => close(false)}>
    <form onSubmit=${submit}>
      <p>${text}</p>
      ${
        typed &&
        html`<${Field} label=${html`Type <code>${typed}</code> to confirm`} value=${entered}
          onInput=${(/** @type {string} */ value) => (entered.value = value)} autocomplete="off"
          autocapitalize="off" spellcheck=${false} autofocus />`
      }
      <footer>
        <button type="button" class="plain" onClick=${() => close(false)}>${cancel}</button>
        <button type="submit" class=${danger ? "danger" : ""} disabled=${!isReady}>${action}</button>
      </footer>
    </form>
  <//>`;
}

/**
 * A modal dialog; Escape closes it if there is an `onClose`.
 *
 * @param {{ title: string, onClose?: () => void, children: Children }} props
 */
export function Dialog({ title, onClose, children }) {
  const id = useId();
  const shown = useRef(/** @type {HTMLDialogElement | null} */ (null));
  /** @type {(dialog: HTMLDialogElement | null) => void} */
  const show = (dialog) => {
    if (!dialog)
      shown.current?.close(); // restores the focus
    else if (shown.current !== dialog) dialog.showModal();
    shown.current = dialog;
  };
  /** @type {(event: Event) => void} */
  const cancel = (event) => {
    event.preventDefault();
    onClose?.();
  };
  return html`<dialog ref=${show} aria-labelledby=${id} onCancel=${cancel}>
    <article>
      <h2 id=${id}>${title}</h2>
      ${children}
    </article>
  </dialog>`;
}
