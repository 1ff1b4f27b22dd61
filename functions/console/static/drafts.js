// What is typed and not sent yet: also in this tab's sessionStorage, so that it outlives a page that
// is loaded anew. Signing out forgets it, and so does a key of another company.
import { key } from "./session.js";

const PLACE = "keywright-typed ";

/** What was kept under a name, or null. */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE + name));
  } catch {
    return null;
  }
}

export function keep(name, typed) {
  if (!key.peek()) return;
  try {
    sessionStorage.setItem(PLACE + name, JSON.stringify(typed));
  } catch {
    // The tab has no room for more: it is still in memory.
  }
}

export function drop(name) {
  sessionStorage.removeItem(PLACE + name);
}
