// Buttons, links that look like buttons, and the errors shown below them.

/** @import { Failure } from "../api/types.ts" */
/** @import { Children, PageQuery } from "./types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { showForCopying } from "./dialogs.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { announce } from "./parts.js";
import { hasScope } from "../api/session.js";

/** @param {{ scope: string }} props */
const MissingScope = ({ scope }) =>
  html`<small class="soft">Your key lacks <code>${scope}</code></small>`;

/**
 * A link styled as a button; disabled if the key lacks `scope`.
 *
 * @param {{
 *   to: string,
 *   scope: string,
 *   icon?: string,
 *   plain?: boolean,
 *   children: Children,
 * }} props
 */
export function LinkButton({ to, scope, icon, plain, children }) {
  const lacks = !hasScope(scope);
  return html`<a role="button" class=${plain ? "plain" : ""} href=${lacks ? null : to}
    aria-disabled=${lacks ? "true" : null}>${icon && html`<${Icon} name=${icon} />`}${children}</a>
    ${lacks && html`<${MissingScope} scope=${scope} />`}`;
}

/**
 * A button that ignores presses while `onPress` runs, and while `busy` or `disabled` is set. It keeps
 * the focus. Disabled if the key lacks `scope`. Without `onPress` it submits its form.
 *
 * @param {{
 *   onPress?: () => unknown,
 *   busy?: boolean,
 *   disabled?: boolean,
 *   icon?: string,
 *   plain?: boolean,
 *   danger?: boolean,
 *   scope?: string,
 *   children?: Children,
 *   "aria-disabled"?: string,
 * }} props
 */
export function Button({ onPress, busy, disabled, icon, plain, danger, scope, children, ...rest }) {
  const working = useSignal(false);
  const lacks = scope && !hasScope(scope);
  const press = async () => {
    if (working.value || busy || disabled || lacks) return;
    working.value = true;
    try {
      await onPress?.();
    } finally {
      working.value = false;
    }
  };
  const className = [plain && "plain", danger && "danger"].filter(Boolean).join(" ");
  return html`<button type=${onPress ? "button" : "submit"} class=${className} ...${rest}
    aria-disabled=${busy || working.value || disabled || lacks ? "true" : rest["aria-disabled"]}
    onClick=${onPress ? press : undefined}>
    ${(icon || busy || working.value) && html`<${Icon} name=${busy || working.value ? "running" : icon} />`}
    ${children}
  </button>${lacks && html`<${MissingScope} scope=${scope} />`}`;
}

/**
 * An error below the control that caused it: what failed, why, and a button to retry.
 *
 * @param {{ what?: string, problem: Failure, onRetry?: () => unknown }} props
 */
export const ErrorLine = ({ what, problem, onRetry }) => html`<p class="wrong" role="alert">
  <${Icon} name="error" />${what && `${what}. `}${problem.detail ?? problem.message}
  ${onRetry && html` <${Button} plain class="plain small" onPress=${onRetry}>Try again<//>`}
</p>`;

/**
 * A button that saves an API response as a file.
 *
 * @param {{ path: string, query?: PageQuery, children: Children }} props
 */
export function Download({ path, query, children }) {
  const error = useSignal(/** @type {Failure | null} */ (null));
  const save = async () => {
    error.value = null;
    await api.download(path, query).catch((problem) => {
      error.value = problem;
    });
  };
  return html`<${Button} plain icon="down" onPress=${save}>${children}<//>
    ${error.value && html`<${ErrorLine} problem=${error.value} />`}`;
}

/**
 * If the browser denies access to the clipboard, a dialog shows the text for manual copying.
 *
 * @param {{ text: string, what?: string }} props
 */
export function CopyButton({ text, what = "Copy" }) {
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      showForCopying(text);
      return;
    }
    copied.value = true;
    announce("Copied");
    setTimeout(() => (copied.value = false), 2000);
  };
  return html`<${Button} plain class="plain small" icon=${copied.value ? "check" : "copy"} onPress=${copy}
    aria-label=${what} title=${what} />`;
}

/**
 * A secret, masked until the user reveals it.
 *
 * @param {{ text: string, what?: string }} props
 */
export function Masked({ text, what = "license key" }) {
  const revealed = useSignal(false);
  if (!text) return "–";
  const hidden = text.length > 8 ? `••••-${text.slice(-4)}` : "••••";
  return html`<span class="masked">
    <code data-shown=${revealed.value ? "" : undefined}>${revealed.value ? text : hidden}</code>
    <button type="button" class="plain small" aria-pressed=${revealed.value ? "true" : "false"}
      aria-label="Show ${what} ending in ${text.slice(-4)}" title=${revealed.value ? "Hide" : "Show"}
      onClick=${() => (revealed.value = !revealed.value)}><${Icon} name="eye" /></button>
    <${CopyButton} text=${text} what="Copy ${what} ending in ${text.slice(-4)}" />
  </span>`;
}
