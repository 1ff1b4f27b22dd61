// What one types into and presses: fields with their label, hint and fault, and small tools.
import { useId, useRef } from "preact/hooks";
import { effect, signal, useSignal } from "@preact/signals";
import * as api from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { say } from "./parts.js";
import { key, may } from "./session.js";

/**
 * A label, an input, and below it the hint or what is wrong. `as` is input, select or textarea;
 * `children` are a select's options; everything else goes to the element.
 *
 *     <${Field} label="Code" value=${code} onInput=${(value) => …} error=${faults["/code"]} />
 */
export function Field({ label, hint, error, as = "input", onInput, children, ...rest }) {
  const id = useId();
  const told = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}${rest.required && html`<span class="soft"> (required)</span>`}</label>
    <${as} id=${id} ...${rest} aria-describedby=${told || undefined}
      aria-invalid=${error ? "true" : undefined}
      onInput=${(event) => onInput?.(event.currentTarget.value)}>${children}<//>
    ${hint && html`<small id="${id}-hint">${hint}</small>`}
    ${error && html`<small id="${id}-error" class="wrong"><${Icon} name="error" />${error}</small>`}
  </div>`;
}

/** One thing that is so or not. */
export function Check({ label, hint, checked, onChange, ...rest }) {
  const id = useId();
  return html`<div class="check">
    <input type="checkbox" id=${id} checked=${checked} ...${rest}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => onChange(event.currentTarget.checked)} />
    <label for=${id}>${label}</label>
    ${hint && html`<small id="${id}-hint">${hint}</small>`}
  </div>`;
}

/** Why something is not offered. */
const Lacking = ({ scope }) =>
  html`<small class="soft">Your key lacks <code>${scope}</code></small>`;

/** A link like a button, to what needs a scope. */
export function Action({ to, scope, icon, plain, children }) {
  const lacks = !may(scope);
  return html`<a role="button" class=${plain ? "plain" : ""} href=${lacks ? null : to}
    aria-disabled=${lacks ? "true" : null}>${icon && html`<${Icon} name=${icon} />`}${children}</a>
    ${lacks && html`<${Lacking} scope=${scope} />`}`;
}

/**
 * A button that cannot be pressed twice: `onPress` may be slow, and `busy` says so meanwhile. Without
 * the `scope` that it needs it cannot be pressed at all.
 */
export function Button({ onPress, busy, icon, plain, danger, scope, children, ...rest }) {
  const working = useSignal(false);
  const lacks = scope && !may(scope);
  const press = async () => {
    if (working.value || busy || lacks) return;
    working.value = true;
    try {
      await onPress();
    } finally {
      working.value = false;
    }
  };
  const className = [plain && "plain", danger && "danger"].filter(Boolean).join(" ");
  return html`<button type=${onPress ? "button" : "submit"} class=${className} ...${rest}
    aria-disabled=${busy || working.value || lacks ? "true" : rest["aria-disabled"]}
    onClick=${onPress ? press : undefined}>
    ${(icon || busy || working.value) && html`<${Icon} name=${busy || working.value ? "running" : icon} />`}
    ${children}
  </button>${lacks && html`<${Lacking} scope=${scope} />`}`;
}

/** Below what has failed: that it did, why, and the way on. */
export const Failure = ({ what, problem, again }) => html`<p class="wrong" role="alert">
  <${Icon} name="error" />${what && `${what}. `}${problem.detail ?? problem.message}
  ${again && html` <${Button} plain class="plain small" onPress=${again}>Try again<//>`}
</p>`;

/** A button that saves what the API answers as a file, and says why if it can't. */
export function Download({ path, query, children }) {
  const failed = useSignal(null);
  const save = async () => {
    failed.value = null;
    await api.download(path, query).catch((problem) => (failed.value = problem));
  };
  return html`<${Button} plain icon="down" onPress=${save}>${children}<//>
    ${failed.value && html`<${Failure} problem=${failed.value} />`}`;
}

const uncopied = signal(null);

/** Where the browser does not let the page copy, the text is shown, to be copied by hand. */
export function CopyButton({ text, what = "Copy" }) {
  const done = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      uncopied.value = text;
      return;
    }
    done.value = true;
    say("Copied");
    setTimeout(() => (done.value = false), 2000);
  };
  return html`<${Button} plain class="plain small" icon=${done.value ? "check" : "copy"} onPress=${copy}
    aria-label=${what} title=${what} />`;
}

/** A secret that is not shown until someone asks for it. */
export function Masked({ text, what = "license key" }) {
  const shown = useSignal(false);
  if (!text) return "–";
  const hidden = text.length > 8 ? `••••-${text.slice(-4)}` : "••••";
  return html`<span class="masked">
    <code data-shown=${shown.value ? "" : undefined}>${shown.value ? text : hidden}</code>
    <button type="button" class="plain small" aria-pressed=${shown.value ? "true" : "false"}
      aria-label="Show ${what} ending in ${text.slice(-4)}" title=${shown.value ? "Hide" : "Show"}
      onClick=${() => (shown.value = !shown.value)}><${Icon} name="eye" /></button>
    <${CopyButton} text=${text} what="Copy ${what} ending in ${text.slice(-4)}" />
  </span>`;
}

const asked = signal(null);

/** Neither a text nor a question is for who signs in next. */
effect(() => {
  if (!key.value) asked.value = uncopied.value = null;
});

/** Asks before something that cannot be undone: `await confirm({title, text, action})`. */
export function confirm({ title, text, action, danger = true }) {
  return new Promise((answer) => {
    asked.value = { title, text, action, danger, answer };
  });
}

function ByHand() {
  const close = () => (uncopied.value = null);
  return html`<${Dialog} title="Copy it by hand" onClose=${close}>
    <p>The browser does not let this page copy. The text is marked: press Ctrl+C, or ⌘C.</p>
    <${Field} as="textarea" label="Text" value=${uncopied} rows="4" readonly autofocus
      spellcheck="false" onFocus=${({ currentTarget }) => currentTarget.select()} />
    <footer><button type="button" onClick=${close}>Done</button></footer>
  <//>`;
}

/** What is over the page. */
export function Confirmation() {
  if (uncopied.value) return html`<${ByHand} />`;
  const question = asked.value;
  const answer = (yes) => {
    asked.value = null;
    question.answer(yes);
  };
  return (
    question &&
    html`<${Dialog} title=${question.title} onClose=${() => answer(false)}>
      <p>${question.text}</p>
      <footer>
        <button type="button" class="plain" onClick=${() => answer(false)}>Keep it</button>
        <button type="button" class=${question.danger ? "danger" : ""} onClick=${() => answer(true)}>
          ${question.action}
        </button>
      </footer>
    <//>`
  );
}

/** Over the page, which waits; Escape closes it if there is an `onClose`. */
export function Dialog({ title, onClose, children }) {
  const id = useId();
  const opened = useRef(null);
  const open = (dialog) => {
    if (!dialog) opened.current?.close(); // which gives the focus back
    else if (opened.current !== dialog) dialog.showModal();
    opened.current = dialog;
  };
  const cancel = (event) => {
    event.preventDefault();
    onClose?.();
  };
  return html`<dialog ref=${open} aria-labelledby=${id} onCancel=${cancel}>
    <article>
      <h2 id=${id}>${title}</h2>
      ${children}
    </article>
  </dialog>`;
}
