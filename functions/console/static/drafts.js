// What is typed and not sent yet: also in this tab's sessionStorage, so that it outlives a page that
// is loaded again. Signing out forgets it, and so does a key of another company.
import { key } from "./session.js";
import { read, remove, write } from "./storage.js";

const PLACE = "keywright-typed ";

/** What was kept under a name, in the shape of `like`; null if nothing was. */
export const recall = (name, like) => read(PLACE + name, like);

export function keep(name, typed) {
  if (key.peek()) write(PLACE + name, typed);
}

export const drop = (name) => remove(PLACE + name);
