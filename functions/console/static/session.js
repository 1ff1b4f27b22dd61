// Who is signed in: an API key, in memory and in this tab's sessionStorage, and nowhere else.
import { computed, signal } from "@preact/signals";

const PLACE = "keywright-key";

/** The key, or null. While `refusal` is set it is no longer good, and the page waits for another. */
export const key = signal(sessionStorage.getItem(PLACE));
if (!key.peek()) sessionStorage.clear(); // who comes in may be another than who typed
export const refusal = signal("");
export const prefix = computed(() => (key.value || "").split(".")[0]);

/** Raised with every sign-in, so that what is shown is read anew. */
export const signIns = signal(0);

export function signIn(entered) {
  sessionStorage.setItem(PLACE, entered);
  key.value = entered;
  refusal.value = "";
  signIns.value += 1;
}

export function signOut() {
  sessionStorage.clear();
  key.value = null;
  refusal.value = "";
}

/** The API no longer takes the key: ask for another, over the page and what was typed in it. */
export function refuse(reason) {
  sessionStorage.removeItem(PLACE);
  if (key.value) refusal.value = reason;
}
