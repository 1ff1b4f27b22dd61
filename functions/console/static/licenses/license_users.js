// The users of a license: assign, unassign, edit, and set passwords.

/** @import { Answer, AssignRequest, Failure, License, LicenseUser } from "../api/types.ts" */
/** @import { Values } from "../forms/merge.js" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { hasScope } from "../api/session.js";
import { fieldOf, Meanwhile, useEdit } from "../forms/edit.js";
import { Field } from "../parts/fields.js";
import { FormCheckbox, FormField, FormSelect, RecordForm, useForm } from "../forms/form.js";
import { nameOf } from "../pages/records.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { confirm, Dialog } from "../parts/dialogs.js";
import { formatCount } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { announce, Badge } from "../parts/parts.js";
import { SecretDialog } from "../parts/secret.js";

/** @typedef {{ email: string, password: string, title: string }} Secret a password that is shown once */

/**
 * @param {{
 *   license: License,
 *   users: Answer<"get", "license-users/">,
 *   reload: () => Promise<void>,
 * }} props
 */
export function Users({ license, users, reload }) {
  const dialog = useSignal(/** @type {"" | "assign" | "edit" | "password"} */ (""));
  const chosen = useSignal(/** @type {LicenseUser | null} */ (null));
  const secret = useSignal(/** @type {Secret | null} */ (null));
  const error = useSignal(/** @type {Failure | null} */ (null));
  const isWriter = hasScope("orders:write");
  const close = () => (dialog.value = "");
  /** @type {(name: "edit" | "password", user: LicenseUser) => void} */
  const open = (name, user) => {
    chosen.value = user;
    dialog.value = name;
  };
  const onAssigned = async (/** @type {Secret | null} */ shown) => {
    close();
    secret.value = shown;
    await reload();
  };
  const unassign = async (/** @type {LicenseUser} */ user) => {
    const text = `${user.email} can no longer use this license. The user is kept and can be assigned again.`;
    const question = { title: "Unassign this user?", text, action: "Unassign user" };
    if (!(await confirm(question))) return;
    error.value = null;
    try {
      await api.post(`licenses/${license.id}/unassign_user/`, { license_user_id: user.id });
      announce("User unassigned");
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem);
    }
    await reload();
  };
  const managers = new Set(
    license.license_users.filter(({ is_manager: manager }) => manager).map(({ email }) => email),
  );
  const actions = (/** @type {LicenseUser} */ user) => html`<div class="actions">
    <button type="button" class="plain" aria-label="Edit ${user.email}"
      onClick=${() => open("edit", user)}>Edit</button>
    <button type="button" class="plain" aria-label="Set password of ${user.email}"
      onClick=${() => open("password", user)}>Set password</button>
    <button type="button" class="plain danger" aria-label="Unassign ${user.email}"
      onClick=${() => unassign(user)}>Unassign</button>
  </div>`;
  return html`<section class="card">
    <div class="row apart heading">
      <h2>Users <span class="soft">${license.license_users.length} of ${license.max_license_users}</span></h2>
      ${
        isWriter &&
        html`<button type="button" class="plain" onClick=${() => (dialog.value = "assign")}>Assign user</button>`
      }
    </div>
    ${error.value && html`<${ErrorLine} what="Not unassigned" problem=${error.value} />`}
    ${
      users.results.length
        ? html`<ul class="people">${users.results.map(
            (user) => html`<li key=${user.id} class="row apart">
              <${Person} user=${user} isManager=${managers.has(user.email)} />
              ${isWriter && actions(user)}
            </li>`,
          )}</ul>
          ${
            users.count > users.results.length &&
            html`<p class="soft">First ${users.results.length} of ${formatCount(users.count, "user")}.</p>`
          }`
        : html`<p class="soft">None.</p>`
    }
    ${
      dialog.value === "assign" &&
      html`<${AssignDialog} license=${license} onDone=${onAssigned} onClose=${close} />`
    }
    ${
      dialog.value === "edit" &&
      chosen.value &&
      html`<${EditDialog} user=${chosen.value} onDone=${() => {
        close();
        reload();
      }} onClose=${close} />`
    }
    ${
      dialog.value === "password" &&
      chosen.value &&
      html`<${PasswordDialog} user=${chosen.value} onDone=${onAssigned} onClose=${close} />`
    }
    ${
      secret.value &&
      html`<${SecretDialog} title=${secret.value.title} secret=${secret.value.password}
        what="the password of ${secret.value.email}" onClose=${() => (secret.value = null)}>
        The password of <strong>${secret.value.email}</strong>.<//>`
    }
  </section>`;
}

/** @param {{ user: LicenseUser, isManager: boolean }} props */
function Person({ user, isManager }) {
  const password = user.is_initial_password ? "generated password" : "chosen password";
  const facts = [nameOf(user), user.phone_number, isManager && "manager", password];
  return html`<div>
    <strong>${user.email}</strong> ${!user.is_active && html`<${Badge} tone="off">Inactive<//>`}
    <small class="soft">${facts.filter(Boolean).join(" · ")}</small>
  </div>`;
}

const NAMES = /** @type {const} */ ([
  ["first_name", "First name"],
  ["last_name", "Last name"],
  ["phone_number", "Phone"],
]);
const NEW_USER = {
  email: "",
  first_name: "",
  last_name: "",
  phone_number: "",
  is_manager: false,
};

/**
 * @param {{
 *   license: License,
 *   onDone: (secret: Secret | null) => void,
 *   onClose: () => void,
 * }} props
 */
function AssignDialog({ license, onDone, onClose }) {
  const form = useForm(`assign ${license.id}`, () => NEW_USER);
  const password = useSignal("");
  const submit = () =>
    form.submit(async (draft) => {
      const given = Object.entries({ ...draft, password: password.value }).filter(
        ([, value]) => value !== "",
      );
      const body = /** @type {AssignRequest} */ (
        /** @type {unknown} */ (Object.fromEntries(given))
      );
      const { new_password: generated } = await api.post(
        `licenses/${license.id}/assign_user/`,
        body,
      );
      announce("User assigned");
      onDone(
        generated ? { email: draft.email, password: generated, title: "User assigned" } : null,
      );
    });
  return html`<${Dialog} title="Assign a user" onClose=${onClose}>
    <${RecordForm} form=${form} action="Assign user" scope="orders:write" onSubmit=${submit}
      onCancel=${onClose}>
      <${FormField} form=${form} name="email" label="Email" type="email" required autocomplete="off"
        hint="An existing user with this email is assigned; otherwise one is created" />
      <div class="columns">
        ${NAMES.map(
          ([name, label]) => html`<${FormField} key=${name} form=${form} name=${name} label=${label}
          autocomplete="off" />`,
        )}
        <${Field} label="Password of a new user" type="password" autocomplete="new-password"
          data-field="password" value=${password.value} error=${form.errorOf("password")}
          hint="Blank: one is generated and shown once"
          onInput=${(/** @type {string} */ value) => (password.value = value)} />
      </div>
      <${FormCheckbox} form=${form} name="is_manager" label="Manager" />
    <//>
  <//>`;
}

/** @type {(user: LicenseUser) => Values} */
const toValues = (user) => ({
  ...Object.fromEntries(NAMES.map(([name]) => [name, user[name] ?? ""])),
  is_active: user.is_active ? "yes" : "no",
});

/** @param {{ user: LicenseUser, onDone: () => void, onClose: () => void }} props */
function EditDialog({ user, onDone, onClose }) {
  const { form, changes, save } = useEdit(`user ${user.id}`, user, toValues);
  const submit = async () => {
    const saved = await save(
      ({ is_active: active, ...names }, seen) => {
        const given = Object.entries(names).map(([name, value]) => [name, value || null]);
        if (active) given.push(["is_active", active === "yes"]);
        const body = { ...Object.fromEntries(given), updated_at: seen };
        return api.patch(`license-users/${user.id}/`, body);
      },
      () => api.get(`license-users/${user.id}/`),
    );
    if (!saved) return;
    announce("User saved");
    onDone();
  };
  return html`<${Dialog} title="Edit ${user.email}" onClose=${onClose}>
    <${RecordForm} form=${form} action="Save changes" scope="orders:write" onSubmit=${submit}
      onCancel=${onClose} notice=${html`<${Meanwhile} changes=${changes.value} />`}>
      <div class="columns">
        ${NAMES.map(
          ([name, label]) => html`<${FormField} key=${name} form=${form} name=${fieldOf(name)}
          label=${label} autocomplete="off" />`,
        )}
        <${FormSelect} form=${form} name=${fieldOf("is_active")} label="Active" options=${[
          ["yes", "Yes"],
          ["no", "No"],
        ]} />
      </div>
    <//>
  <//>`;
}

/**
 * @param {{
 *   user: LicenseUser,
 *   onDone: (secret: Secret | null) => void,
 *   onClose: () => void,
 * }} props
 */
function PasswordDialog({ user, onDone, onClose }) {
  const password = useSignal("");
  const error = useSignal(/** @type {Failure | null} */ (null));
  const busy = useSignal(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy.value) return;
    [error.value, busy.value] = [null, true];
    const body = password.value ? { password: password.value } : {};
    try {
      const path = /** @type {const} */ (`license-users/${user.id}/set_password/`);
      const { new_password: generated } = await api.post(path, body);
      announce("Password set");
      const title = "Password set";
      onDone(generated ? { email: user.email, password: generated, title } : null);
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem);
    } finally {
      busy.value = false;
    }
  };
  return html`<${Dialog} title="Set password" onClose=${onClose}>
    <p>Sets a new password for <strong>${user.email}</strong>. The current one stops working.</p>
    <form onSubmit=${submit} novalidate>
      <${Field} label="New password" type="password" autocomplete="new-password"
        value=${password.value} hint="8 to 128 characters. Blank: one is generated and shown once."
        onInput=${(/** @type {string} */ value) => (password.value = value)} />
      ${error.value && html`<${ErrorLine} what="Not set" problem=${error.value} />`}
      <footer class="form">
        <${Button} busy=${busy.value}>${password.value ? "Set password" : "Generate password"}<//>
        <button type="button" class="plain" onClick=${onClose}>Cancel</button>
      </footer>
    </form>
  <//>`;
}
