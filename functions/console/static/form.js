// Forms that lose nothing: what is typed outlives the page that shows it, until it is sent.
import { useMemo } from "preact/hooks";
import { effect, signal } from "@preact/signals";
import { Problem } from "./api.js";
import { drop, keep, recall } from "./drafts.js";
import { Button, Check, Field } from "./fields.js";
import { html } from "./html.js";
import { partsOf } from "./names.js";
import { Notice, count } from "./parts.js";
import { key, may } from "./session.js";

const SHOWN = 6;
const kept = new Map();
effect(() => {
  if (!key.value) kept.clear();
});

/** The form of this name as it was left, or a new one that begins with what `start` gives. */
export function useForm(name, start) {
  return useMemo(() => {
    if (!kept.get(name)?.changed.value) kept.set(name, new Form(name, start()));
    return kept.get(name);
  }, [name]);
}

/** What is typed is `draft`, nested as the names of fields are: `items.0.users.1.email`. */
class Form {
  constructor(name, start) {
    this.name = name;
    const left = recall(this.place, start);
    this.draft = signal(left ?? start);
    this.changed = signal(Boolean(left));
    this.faults = signal([]);
    this.problem = signal(null);
    this.busy = signal(false);
  }

  get place() {
    return `form ${this.name}`;
  }

  at(field) {
    return partsOf(field).reduce((value, part) => value?.[part], this.draft.value);
  }

  set(field, value) {
    this.draft.value = replaced(this.draft.value, partsOf(field), value);
    this.changed.value = true;
    keep(this.place, this.draft.value);
  }

  /** Goes to a field that has just been added. */
  visit(field) {
    setTimeout(() => show(fieldAt(field)));
  }

  told(field) {
    const messages = this.faults.value.filter((fault) => fault.at === field);
    return messages.map(({ message }) => message[0].toUpperCase() + message.slice(1)).join(". ");
  }

  /** Shows what is wrong, `{at, message}` each, in the order of the form; goes to the first of it. */
  refuse(faults, problem = null) {
    const fields = [...document.querySelectorAll("[data-field]")];
    this.faults.value = faults
      .map((fault) => ({ ...fault, label: labelOf(fault.at), place: fields.indexOf(fieldAt(fault.at)) }))
      .sort((one, other) => one.place - other.place);
    this.problem.value = problem;
    if (faults.length) setTimeout(() => show(document.querySelector("form [aria-invalid=true]")));
  }

  forget() {
    kept.delete(this.name);
    drop(this.place);
  }

  /** Sends by `act`. A refusal is shown beside the fields that it is about, which `tell` finds. */
  async send(act, tell = plainly) {
    if (this.busy.value) return;
    this.refuse([]);
    this.busy.value = true;
    try {
      await act(this.draft.value);
      this.forget();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.refuse(once(problem.faults.map(tell)), problem);
    } finally {
      this.busy.value = false;
    }
  }
}

/** Around the fields: what is wrong above them, the button below; `scope` is what sending needs. */
export function FormOf({ form, action, scope, onSend, back, children }) {
  const send = (event) => {
    event.preventDefault();
    onSend();
  };
  if (!may(scope)) return html`<${ReadOnly} scope=${scope}>${children}<//>`;
  return html`<form novalidate onSubmit=${send}>
    <${Refusal} form=${form} />
    ${children}
    <footer class="form">
      <${Button} busy=${form.busy.value}>${action}<//>
      ${back && html`<a role="button" class="plain" href=${back}
        onClick=${() => form.forget()}>Cancel</a>`}
    </footer>
  </form>`;
}

const ReadOnly = ({ scope, children }) => html`
  <${Notice} title="Read-only">
    <p>Your key lacks the scope <code>${scope}</code>. Ask your administrator for a key that has
      it.</p>
  <//>
  <form><fieldset disabled>${children}</fieldset></form>`;

function Refusal({ form }) {
  const faults = form.faults.value;
  const problem = form.problem.value;
  if (!faults.length) return problem && html`<${Notice} kind="error" problem=${problem} />`;
  const title = `Fix ${count(faults.length, "problem")}`;
  const more = problem && !problem.detail.includes(faults[0].message) && problem.detail;
  return html`<${Notice} kind="error" title=${title}>
    ${more && html`<p>${more}</p>`}
    <ul>
      ${faults.slice(0, SHOWN).map(
        ({ at, message, label }) => html`<li>
        ${
          label
            ? html`<a href=${location.hash}
              onClick=${(event) => goTo(event, at)}>${label}</a>: ${message}`
            : message
        }
      </li>`,
      )}
      ${faults.length > SHOWN && html`<li>and ${faults.length - SHOWN} more, shown below</li>`}
    </ul>
    ${problem?.way && html`<p><a href=${problem.way.to}>${problem.way.text}</a></p>`}
    ${problem?.requestId && html`<p class="soft">Request ${problem.requestId}</p>`}
  <//>`;
}

export function Input({ form, name, ...rest }) {
  return html`<${Field} ...${rest} data-field=${name} value=${form.at(name) ?? ""}
    error=${form.told(name)} onInput=${(value) => form.set(name, value)} />`;
}

/** `options` are `[value, text]`. */
export function Choice({ options, ...rest }) {
  return html`<${Input} as="select" ...${rest}>
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
  <//>`;
}

export function Tick({ form, name, ...rest }) {
  return html`<${Check} ...${rest} data-field=${name} checked=${Boolean(form.at(name))}
    onChange=${(value) => form.set(name, value)} />`;
}

const fieldAt = (at) => document.querySelector(`[data-field="${CSS.escape(at)}"]`);

export const labelOf = (at) => fieldAt(at)?.labels?.[0]?.firstChild.textContent;

function goTo(event, at) {
  event.preventDefault();
  show(fieldAt(at));
}

function show(field) {
  for (let around = field; around; around = around.parentElement)
    if (around.localName === "details") around.open = true;
  field?.focus();
}

const plainly = ({ pointer, message }) => ({
  at: (pointer ?? "").slice(1).replaceAll("/", "."),
  message,
});

/** Licenses of one item that are refused alike are told of once. */
const once = (faults) => [
  ...new Map(faults.map((fault) => [`${fault.at} ${fault.message}`, fault])).values(),
];

function replaced(whole, [part, ...rest], value) {
  const copy = Array.isArray(whole) ? [...whole] : { ...whole };
  copy[part] = rest.length ? replaced(copy[part] ?? {}, rest, value) : value;
  return copy;
}
