// The API keys of the company: list, create, rotate and revoke.

/** @import { Answer, Failure, NewApiKey, StoredApiKey } from "../api/types.ts" */
/** @import { Column, Option, PageQuery, Tone } from "../parts/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { useLoad } from "../api/load.js";
import { hasScope, keyPrefix } from "../api/session.js";
import { FormCheckbox, FormField, FormSelect, RecordForm, useForm } from "../forms/form.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { confirm, Dialog } from "../parts/dialogs.js";
import { formatDay, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Badge, Loaded, Notice, Page, Pager, Table, Tabs } from "../parts/parts.js";
import { link } from "../parts/route.js";
import { SecretDialog } from "../parts/secret.js";

const LIMIT = 50;
const SCOPE = "keys:admin";
/** @type {[scope: string, label: string, hint: string][]} */
const SCOPES = [
  ["records:read", "Read", "All records"],
  ["orders:write", "Orders", "Place orders, change licenses, users and customers"],
  ["imports:write", "Imports", "Start, cancel and retry imports"],
  ["imports:undo", "Undo", "Remove what imports created, and set back what they changed"],
  ["catalog:write", "Catalog", "Create and change products, policies and features"],
  [SCOPE, "API keys", "Create and revoke API keys, as this page does"],
];
/** @type {Option[]} */
const STATES = [
  ["live", "Live"],
  ["expired", "Expired"],
  ["revoked", "Revoked"],
  ["", "All"],
];
/** @type {Record<"expired" | "revoked", [tone: Tone, text: string]>} */
const BADGES = { expired: ["off", "Expired"], revoked: ["bad", "Revoked"] };
/** @type {Option[]} */
const LIFETIMES = [
  ["", "Never"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
];
const OVERLAP_HOURS = 24;

/** @typedef {{ api_key: string, name: string }} Shown a key that is shown once */

/** @param {{ query: PageQuery }} props */
export function ApiKeys({ query }) {
  if (!hasScope(SCOPE))
    return html`<${Page} title="API keys">
      <${Notice} title="Your key can’t manage API keys">
        <p>It lacks the scope <code>${SCOPE}</code>. An operator of your stage can create a key that
          has it: <code>keywright keys create --scopes ${SCOPE},…</code></p>
      <//>
    <//>`;
  return html`<${KeyList} query=${query} />`;
}

/** @param {{ query: PageQuery }} props */
function KeyList({ query }) {
  const state = query.state ?? "live";
  const keys = useLoad(
    (signal) =>
      api.get(
        "api-keys/",
        { ...query, state: state === "all" ? "" : state, limit: LIMIT },
        { signal },
      ),
    [JSON.stringify(query)],
  );
  const creating = useSignal(false);
  const shown = useSignal(/** @type {Shown | null} */ (null));
  const error = useSignal(/** @type {(Failure & { what: string }) | null} */ (null));
  /** @type {(what: string, act: () => Promise<void>) => Promise<void>} */
  const attempt = async (what, act) => {
    error.value = null;
    try {
      await act();
    } catch (problem) {
      error.value = Object.assign(/** @type {Failure} */ (problem), { what });
    }
    await keys.reload();
  };
  const revoke = async (/** @type {StoredApiKey} */ key) => {
    const own = key.prefix === keyPrefix.value;
    const text = `Requests with “${key.name || key.prefix}” are refused within 60 seconds. This can’t be undone.`;
    const warning = own ? " You are signed in with this key, so you will be signed out." : "";
    const question = { title: "Revoke this key?", text: text + warning, action: "Revoke key" };
    if (!(await confirm(question))) return;
    await attempt("Not revoked", async () => {
      await api.post(`api-keys/${key.prefix}/revoke/`);
      announce("Key revoked");
    });
  };
  const rotate = async (/** @type {StoredApiKey} */ key) => {
    const text = `A new key with the same scopes is created. “${key.name || key.prefix}” keeps working for ${OVERLAP_HOURS} hours.`;
    const question = { title: "Replace this key?", text, action: "Create new key", danger: false };
    if (!(await confirm(question))) return;
    await attempt("Not replaced", async () => {
      const body = { overlap_hours: OVERLAP_HOURS };
      shown.value = await api.post(`api-keys/${key.prefix}/rotate/`, body);
    });
  };
  const onCreated = async (/** @type {Shown} */ key) => {
    creating.value = false;
    shown.value = key;
    await keys.reload();
  };
  const create = html`<${Button} icon="plus" onPress=${() => (creating.value = true)}>New API key<//>`;
  const columns = columnsOf(rotate, revoke);
  return html`<${Page} title="API keys" lead="For your shop, scripts and colleagues"
    actions=${create}>
    <${Tabs} label="State" options=${STATES} value=${state === "all" ? "" : state}
      to=${(/** @type {string} */ value) => link("api-keys", { state: value || "all" })} />
    ${error.value && html`<${ErrorLine} what=${error.value.what} problem=${error.value} />`}
    <${Loaded} from=${keys} rows=${6}>
      ${(/** @type {Answer<"get", "api-keys/">} */ page) => html`
        <${Table} caption="API keys" columns=${columns} rows=${page.results} busy=${keys.loading} />
        <${Pager} page=${page} path="api-keys" query=${query} limit=${LIMIT} nouns=${["key"]} />`}
    <//>
    ${creating.value && html`<${CreateDialog} onDone=${onCreated} onClose=${() => (creating.value = false)} />`}
    ${
      shown.value &&
      html`<${SecretDialog} title="New API key" secret=${shown.value.api_key} what="API key"
        onClose=${() => (shown.value = null)}>The key of <strong>${shown.value.name}</strong>.<//>`
    }
  <//>`;
}

/**
 * Scopes by their labels, in the order of the form.
 *
 * @type {(scopes: string[]) => string}
 */
const nameScopes = (scopes) =>
  SCOPES.filter(([scope]) => scopes.includes(scope))
    .map(([, label]) => label)
    .join(", ");

/** @typedef {(key: StoredApiKey) => Promise<void>} Act */

/** @type {(rotate: Act, revoke: Act) => Column<StoredApiKey>[]} */
const columnsOf = (rotate, revoke) => [
  {
    head: "Name",
    cell: ({ name, prefix }) => html`${name || "No name"}
      <small class="soft"><code>${prefix}</code>${prefix === keyPrefix.value && " your key"}</small>`,
  },
  {
    head: "Scopes",
    wide: true,
    cell: ({ scopes }) => html`<span title=${scopes.join(", ")}>${nameScopes(scopes)}</span>`,
  },
  {
    head: "Last used",
    kind: "mid",
    cell: ({ last_used_at: at }) => (at ? formatTime(at) : "Never"),
  },
  { head: "Expires", kind: "mid", cell: ({ expires_at: at }) => (at ? formatDay(at) : "Never") },
  {
    head: "State",
    cell: (key) =>
      key.state === "live"
        ? html`<div class="actions">
          <button type="button" class="plain small" aria-label="Replace ${key.name || key.prefix}"
            onClick=${() => rotate(key)}>Replace</button>
          <button type="button" class="plain danger small" aria-label="Revoke ${key.name || key.prefix}"
            onClick=${() => revoke(key)}>Revoke</button>
        </div>`
        : html`<${Badge} tone=${BADGES[key.state][0]}>${BADGES[key.state][1]}<//>`,
  },
];

/** @param {{ onDone: (key: Shown) => void, onClose: () => void }} props */
function CreateDialog({ onDone, onClose }) {
  const granted = SCOPES.filter(([scope]) => hasScope(scope));
  const form = useForm("new api key", () => ({
    name: "",
    expires: "",
    ...Object.fromEntries(granted.map(([scope]) => [scope, false])),
  }));
  const submit = () =>
    form.submit(async (draft) => {
      const scopes = granted.map(([scope]) => scope).filter((scope) => form.get(scope));
      const body = {
        name: draft.name,
        scopes,
        expires_in_days: draft.expires ? Number(draft.expires) : null,
      };
      onDone(await api.post("api-keys/", /** @type {NewApiKey} */ (body)));
      announce("Key created");
    }, locateFault);
  return html`<${Dialog} title="New API key" onClose=${onClose}>
    <${RecordForm} form=${form} action="Create key" scope=${SCOPE} onSubmit=${submit} onCancel=${onClose}>
      <${FormField} form=${form} name="name" label="Name" required autocomplete="off" autofocus
        hint="Where it is used, e.g. webshop" />
      <fieldset>
        <legend>Scopes</legend>
        ${granted.map(
          ([scope, label, hint]) => html`<${FormCheckbox} key=${scope} form=${form} name=${scope}
            label=${label} hint="${hint} (${scope})" />`,
        )}
        ${form.errorOf("scopes") && html`<small class="wrong">${form.errorOf("scopes")}</small>`}
      </fieldset>
      <${FormSelect} form=${form} name="expires" label="Expires" options=${LIFETIMES} />
    <//>
  <//>`;
}

/** @type {(fault: { pointer?: string | null, message: string }) => { at: string, message: string }} */
function locateFault({ pointer, message }) {
  const [field] = (pointer ?? "").slice(1).split("/");
  return { at: field === "expires_in_days" ? "expires" : field, message };
}
