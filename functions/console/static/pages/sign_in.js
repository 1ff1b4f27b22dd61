// Sign-in by API key, which the API validates.

/** @import { Failure } from "../api/types.ts" */
import { useSignal } from "@preact/signals";
import { readKeyOwner } from "../api/api.js";
import { Button } from "../parts/buttons.js";
import { Dialog } from "../parts/dialogs.js";
import { Field } from "../parts/fields.js";
import { html } from "../parts/html.js";
import { focusNextPage, Notice } from "../parts/parts.js";
import { company, keyError, signIn, signOut } from "../api/session.js";

const KEY_PATTERN = /^[A-Za-z0-9]{8}\.[A-Za-z0-9]{32,}$/;

export function SignIn() {
  return html`<main class="gate" id="main">
    <article>
      <h1><${Logo} /> Keywright</h1>
      <p>Your company’s orders, licenses and imports.</p>
      <${KeyForm} />
    </article>
  </main>`;
}

/** Over the page when the key becomes invalid, so that unsaved work is kept. */
export function RenewKey() {
  return html`<${Dialog} title="Sign in again">
    <${Notice} kind="warning" title="Your API key is no longer valid">
      <p>${keyError} Your unsaved work is kept. Sign in to ${company} to continue.</p>
    <//>
    <${KeyForm} />
    <button type="button" class="plain" onClick=${signOut}>Sign out and discard</button>
  <//>`;
}

function KeyForm() {
  const entered = useSignal("");
  const error = useSignal("");
  const busy = useSignal(false);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (busy.value) return;
    const apiKey = entered.value.trim().replace(/^Api-Key\s+/i, "");
    if (!KEY_PATTERN.test(apiKey)) {
      error.value =
        "That doesn’t look like an API key (8 characters, a dot, 32 or more characters).";
      return;
    }
    busy.value = true;
    try {
      const owner = await readKeyOwner(apiKey);
      focusNextPage();
      signIn(apiKey, owner);
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem).message;
    } finally {
      busy.value = false;
    }
  };
  return html`<form onSubmit=${submit} novalidate>
    <${Field} label="API key" type="password" name="key" autocomplete="off" spellcheck=${false}
      autofocus error=${error.value} value=${entered.value}
      hint=${html`Stored in this browser’s console tabs only, until you sign out or close them. Ask your
        administrator for a key: <code>keywright keys create</code>`}
      onInput=${(/** @type {string} */ value) => (entered.value = value)} />
    <${Button} busy=${busy.value}>Sign in<//>
  </form>`;
}

export function Logo() {
  return html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="6" fill="currentColor" />
    <path d="M7 6v12M7 13l7.5-7M10.5 10.5 17 18" fill="none" class="stroke" stroke-width="2.4"
      stroke-linecap="round" stroke-linejoin="round" />
  </svg>`;
}
