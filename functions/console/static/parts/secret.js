// A dialog with a secret that is shown once.

/** @import { Children } from "./types.ts" */
import { CopyButton } from "./buttons.js";
import { Dialog } from "./dialogs.js";
import { html } from "./html.js";

/**
 * `what` names the secret in the label of the copy button; `children` say whose it is.
 *
 * @param {{
 *   title: string,
 *   secret: string,
 *   what: string,
 *   onClose: () => void,
 *   children: Children,
 * }} props
 */
export const SecretDialog = ({ title, secret, what, onClose, children }) =>
  html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${children} Copy it now – it won’t be shown again.</p>
    <p class="secret"><code>${secret}</code> <${CopyButton} text=${secret} what="Copy ${what}" /></p>
    <footer><button type="button" onClick=${onClose}>Done</button></footer>
  <//>`;
