// Who is signed in: an API key and its company, in memory and in this tab's sessionStorage, and
// nowhere else.
import { computed, signal } from "@preact/signals";

const PLACE = "keywright-session";
const held = JSON.parse(sessionStorage.getItem(PLACE) ?? "{}");

/** The key, or null. While `refusal` is set it is no longer good, and the page waits for another. */
export const key = signal(held.key ?? null);
/** Whose key it is, or was before it was refused: what is typed is for no other company to see. */
export const company = signal(held.company ?? null);
export const refusal = signal("");
export const prefix = computed(() => (key.value || "").split(".")[0]);

/** Raised with every sign-in, so that what is shown is read anew. */
export const signIns = signal(0);

export function signIn(entered, owner) {
  const other = company.peek() && company.peek() !== owner;
  if (other) sessionStorage.clear();
  sessionStorage.setItem(PLACE, JSON.stringify({ key: entered, company: owner }));
  if (other) return location.reload();
  key.value = entered;
  company.value = owner;
  refusal.value = "";
  signIns.value += 1;
}

export function signOut() {
  sessionStorage.clear();
  key.value = null;
  company.value = null;
  refusal.value = "";
}

/** The API no longer takes the key: ask for another, over the page and what was typed in it. */
export function refuse(reason) {
  sessionStorage.setItem(PLACE, JSON.stringify({ company: company.peek() }));
  if (key.value) refusal.value = reason;
}
