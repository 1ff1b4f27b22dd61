// Forms whose drafts survive navigation and reload until they are submitted or discarded.

/** @import { Fault } from "../api/types.ts" */
/** @import { Children, Link, Option } from "../parts/types.ts" */
import { useMemo } from "preact/hooks";
import { effect, signal } from "@preact/signals";
import { Problem } from "../api/api.js";
import { Button } from "../parts/buttons.js";
import { deleteDraft, loadDraft, saveDraft } from "./drafts.js";
import { parseFieldName } from "./field_names.js";
import { Checkbox, Field } from "../parts/fields.js";
import { html } from "../parts/html.js";
import { Notice } from "../parts/parts.js";
import { hasScope, key } from "../api/session.js";

/** @typedef {{ at: string, message: string }} FieldFault a fault of the field `at` */
/** @typedef {FieldFault & { label?: string, position: number }} ShownFault */
/** @typedef {Problem & { link?: Link }} FormProblem */

const MAX_LISTED = 6;
/** @type {Map<string, Form<any>>} The type of a draft depends on the form. */
const forms = new Map();
effect(() => {
  if (!key.value) forms.clear();
});

/**
 * The form of a name with its draft, or a new form with the values that `start` returns.
 *
 * @template T
 * @param {string} name
 * @param {() => T} start
 * @returns {Form<T>}
 */
export function useForm(name, start) {
  return useMemo(() => {
    const known = forms.get(name);
    if (known?.changed.value) return known;
    const form = new Form(name, start());
    forms.set(name, form);
    return form;
  }, [name]);
}

/**
 * Whether there is an unsent draft of the form of a name.
 *
 * @type {(name: string) => boolean}
 */
export const hasDraft = (name) =>
  forms.get(name)?.changed.value ?? loadDraft(`form ${name}`, null) !== null;

/**
 * Values are nested in `draft` by the parts of the field's name: `items.0.users.1.email`.
 *
 * @template T
 */
export class Form {
  /**
   * @param {string} name
   * @param {T} start
   */
  constructor(name, start) {
    this.name = name;
    const saved = loadDraft(this.draftName, start);
    this.draft = signal(saved ?? start);
    this.changed = signal(Boolean(saved));
    this.faults = signal(/** @type {ShownFault[]} */ ([]));
    this.problem = signal(/** @type {FormProblem | null} */ (null));
    this.busy = signal(false);
  }

  get draftName() {
    return `form ${this.name}`;
  }

  /**
   * @param {string} field
   * @returns {any} the type depends on the field
   */
  get(field) {
    /** @type {any} */
    const draft = this.draft.value;
    return parseFieldName(field).reduce((value, part) => value?.[part], draft);
  }

  /**
   * @param {string} field
   * @param {unknown} value
   */
  set(field, value) {
    this.draft.value = replaceAt(this.draft.value, parseFieldName(field), value);
    this.changed.value = true;
    saveDraft(this.draftName, this.draft.value);
  }

  /**
   * Put another draft under the form, without faults.
   *
   * @param {T} draft
   */
  replace(draft) {
    this.draft.value = draft;
    if (this.changed.peek()) saveDraft(this.draftName, draft);
  }

  /**
   * Focus a field, also one that is only rendered next.
   *
   * @param {string} field
   */
  focus(field) {
    setTimeout(() => focusField(findField(field)));
  }

  /** @param {string} field */
  errorOf(field) {
    const messages = this.faults.value.filter((fault) => fault.at === field);
    return messages.map(({ message }) => message[0].toUpperCase() + message.slice(1)).join(". ");
  }

  /**
   * Show faults, `{at, message}`, in the order of their fields, and focus the first field.
   *
   * @param {FieldFault[]} faults
   * @param {FormProblem | null} problem
   */
  showFaults(faults, problem = null) {
    const fields = [...document.querySelectorAll("[data-field]")];
    this.faults.value = faults
      .map((fault) => {
        const position = fields.indexOf(/** @type {Element} */ (findField(fault.at)));
        return { ...fault, label: labelOf(fault.at), position };
      })
      .sort((one, other) => one.position - other.position);
    this.problem.value = problem;
    if (faults.length)
      setTimeout(() => focusField(document.querySelector("form [aria-invalid=true]")));
  }

  discard() {
    forms.delete(this.name);
    deleteDraft(this.draftName);
  }

  /**
   * Submit by `act(draft)`. `locate` maps an API fault to `{at, message}`, `at` being a field.
   *
   * @param {(draft: T) => Promise<void>} act
   * @param {(fault: Fault) => FieldFault} locate
   */
  async submit(act, locate = locateByPointer) {
    if (this.busy.value) return;
    this.showFaults([]);
    this.busy.value = true;
    try {
      await act(this.draft.value);
      this.discard();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.showFaults(removeDuplicates(problem.faults.map(locate)), problem);
    } finally {
      this.busy.value = false;
    }
  }
}

/**
 * A form with its errors above the fields and its buttons below; `scope` is required to submit.
 * `notice` is shown above the fields. Cancel discards the draft and leads `back`, or calls `onCancel`.
 *
 * @param {{
 *   form: Form<unknown>,
 *   action: string,
 *   scope: string,
 *   onSubmit: () => unknown,
 *   back?: string,
 *   onCancel?: () => void,
 *   notice?: Children,
 *   children: Children,
 * }} props
 */
export function RecordForm({ form, action, scope, onSubmit, back, onCancel, notice, children }) {
  /** @type {(event: Event) => void} */
  const submit = (event) => {
    event.preventDefault();
    onSubmit();
  };
  if (!hasScope(scope)) return html`<${ReadOnly} scope=${scope}>${children}<//>`;
  return html`<form novalidate onSubmit=${submit}>
    <${FormErrors} form=${form} />
    ${notice}
    ${children}
    <footer class="form">
      <${Button} busy=${form.busy.value}>${action}<//>
      ${
        back &&
        html`<a role="button" class="plain" href=${back}
        onClick=${() => form.discard()}>Cancel</a>`
      }
      ${
        onCancel &&
        html`<button type="button" class="plain" onClick=${() => {
          form.discard();
          onCancel();
        }}>Cancel</button>`
      }
    </footer>
  </form>`;
}

/** @param {{ scope: string, children: Children }} props */
const ReadOnly = ({ scope, children }) => html`
  <${Notice} title="Read-only">
    <p>Your key lacks the scope <code>${scope}</code>. Ask your administrator for a key with this
      scope.</p>
  <//>
  <form><fieldset disabled>${children}</fieldset></form>`;

/** @param {{ form: Form<unknown> }} props */
function FormErrors({ form }) {
  const faults = form.faults.value;
  const problem = form.problem.value;
  if (!faults.length) return problem && html`<${Notice} kind="error" problem=${problem} />`;
  const fields = new Set(faults.map(({ at }) => at)).size;
  const title = fields === 1 ? "1 problem to fix" : `Fix ${fields} fields`;
  const detail = problem && !problem.detail.includes(faults[0].message) && problem.detail;
  return html`<${Notice} kind="error" title=${title}>
    ${detail && html`<p>${detail}</p>`}
    <ul>
      ${faults.slice(0, MAX_LISTED).map(
        ({ at, message, label }) => html`<li>
        ${
          label
            ? html`<a href=${location.hash}
              onClick=${(/** @type {Event} */ event) => goToField(event, at)}>${label}</a>: ${message}`
            : message
        }
      </li>`,
      )}
      ${faults.length > MAX_LISTED && html`<li>and ${faults.length - MAX_LISTED} more, shown below</li>`}
    </ul>
    ${problem?.link && html`<p><a href=${problem.link.href}>${problem.link.text}</a></p>`}
    ${problem?.requestId && html`<p class="soft">Request ID: ${problem.requestId}</p>`}
  <//>`;
}

/** @param {{ form: Pick<Form<unknown>, "get" | "set" | "errorOf">, name: string }} props */
export function FormField({ form, name, ...rest }) {
  return html`<${Field} ...${rest} data-field=${name} value=${form.get(name) ?? ""}
    error=${form.errorOf(name)} onInput=${(/** @type {string} */ value) => form.set(name, value)} />`;
}

/**
 * `options` are `[value, text]`.
 *
 * @param {{ options: Option[] }} props
 */
export function FormSelect({ options, ...rest }) {
  return html`<${FormField} as="select" ...${rest}>
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
  <//>`;
}

/** @param {{ form: Form<unknown>, name: string }} props */
export function FormCheckbox({ form, name, ...rest }) {
  return html`<${Checkbox} ...${rest} data-field=${name} checked=${Boolean(form.get(name))}
    onChange=${(/** @type {boolean} */ value) => form.set(name, value)} />`;
}

/** @type {(name: string) => HTMLInputElement | null} */
const findField = (name) => document.querySelector(`[data-field="${CSS.escape(name)}"]`);

/** @type {(name: string) => string | undefined} */
export const labelOf = (name) => findField(name)?.labels?.[0]?.firstChild?.textContent ?? undefined;

/** @type {(event: Event, name: string) => void} */
function goToField(event, name) {
  event.preventDefault();
  focusField(findField(name));
}

/** @type {(field: HTMLElement | null) => void} */
function focusField(field) {
  for (let ancestor = field; ancestor; ancestor = ancestor.parentElement)
    if (ancestor instanceof HTMLDetailsElement) ancestor.open = true;
  field?.focus();
}

/** @type {(fault: Fault) => FieldFault} */
const locateByPointer = ({ pointer, message }) => ({
  at: (pointer ?? "").slice(1).replaceAll("/", "."),
  message,
});

/**
 * Several licenses of one item may have the same fault.
 *
 * @type {(faults: FieldFault[]) => FieldFault[]}
 */
const removeDuplicates = (faults) => [
  ...new Map(faults.map((fault) => [`${fault.at} ${fault.message}`, fault])).values(),
];

/**
 * @param {any} container an object or an array
 * @param {string[]} path
 * @param {unknown} value
 */
function replaceAt(container, [part, ...rest], value) {
  const copy = Array.isArray(container) ? [...container] : { ...container };
  copy[part] = rest.length ? replaceAt(copy[part] ?? {}, rest, value) : value;
  return copy;
}
