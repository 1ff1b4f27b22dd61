// The gate: an API key typed once, checked by asking the API whose it is.
import { useSignal } from "@preact/signals";
import { whose } from "./api.js";
import { Button, Dialog, Field } from "./fields.js";
import { html } from "./html.js";
import { Notice, arrive } from "./parts.js";
import { company, refusal, signIn, signOut } from "./session.js";

const SHAPE = /^[A-Za-z0-9]{8}\.[A-Za-z0-9]{32,}$/;

export function SignIn() {
  return html`<main class="gate" id="main">
    <article>
      <h1><${Mark} /> Keywright</h1>
      <p>Orders, licenses and imports of your company.</p>
      <${KeyForm} />
    </article>
  </main>`;
}

/** Over the page when the key is refused in the middle of work; what was typed there stays. */
export function SignInAgain() {
  return html`<${Dialog} title="Sign in again">
    <${Notice} kind="warning" title="Your API key is no longer valid">
      <p>${refusal} Your unsaved work is kept. Sign in to ${company} to continue.</p>
    <//>
    <${KeyForm} />
    <button type="button" class="plain" onClick=${signOut}>Sign out and discard</button>
  <//>`;
}

function KeyForm() {
  const entered = useSignal("");
  const error = useSignal("");
  const busy = useSignal(false);
  const submit = async (event) => {
    event.preventDefault();
    if (busy.value) return;
    const given = entered.value.trim().replace(/^Api-Key\s+/i, "");
    if (!SHAPE.test(given)) {
      error.value =
        "That doesn’t look like an API key (8 characters, a dot, 32 or more characters).";
      return;
    }
    busy.value = true;
    try {
      const owner = await whose(given);
      arrive();
      signIn(given, owner);
    } catch (problem) {
      error.value = problem.message;
    } finally {
      busy.value = false;
    }
  };
  return html`<form onSubmit=${submit} novalidate>
    <${Field} label="API key" type="password" name="key" autocomplete="off" spellcheck="false"
      autofocus error=${error.value} value=${entered.value}
      hint=${html`Stored in the tabs of this browser that show the console, until you sign out or
        close them. Ask your administrator for a key (<code>keywright keys create</code>).`}
      onInput=${(value) => (entered.value = value)} />
    <${Button} busy=${busy.value}>Sign in<//>
  </form>`;
}

export function Mark() {
  return html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="6" fill="currentColor" />
    <path d="M7 6v12M7 13l7.5-7M10.5 10.5 17 18" fill="none" class="stroke" stroke-width="2.4"
      stroke-linecap="round" stroke-linejoin="round" />
  </svg>`;
}
