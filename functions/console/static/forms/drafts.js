// Drafts: unsent input, kept in this tab's sessionStorage so that it survives a reload. Sign-out and a
// key of another company delete them.
import { key } from "../api/session.js";
import { read, remove, write } from "../api/storage.js";

const PREFIX = "keywright-typed ";

/**
 * The draft of a name, coerced to the shape of `like`; null if there is none.
 *
 * @template T
 * @param {string} name
 * @param {T} like
 */
export const loadDraft = (name, like) => read(PREFIX + name, like);

/** @type {(name: string, draft: unknown) => void} */
export function saveDraft(name, draft) {
  if (key.peek()) write(PREFIX + name, draft);
}

/** @type {(name: string) => unknown} */
export const deleteDraft = (name) => remove(PREFIX + name);
