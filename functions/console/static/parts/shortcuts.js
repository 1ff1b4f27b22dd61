// Keyboard shortcuts of every page.

/** @import { Signal } from "@preact/signals" */
import { effect, signal } from "@preact/signals";
import { read, write } from "../api/storage.js";
import { key } from "../api/session.js";
import { go } from "./route.js";

const NAME = "single-key shortcuts";
/** Milliseconds in which the second key must follow the first one. */
const PATIENCE = 1500;

/** The pages by the key that follows `g`. */
export const PLACES = {
  h: "home",
  o: "orders",
  c: "customers",
  l: "licenses",
  i: "imports",
  p: "products",
  a: "activity",
};

/**
 * What is open over the page, if anything.
 *
 * @type {Signal<"search" | "shortcuts" | null>}
 */
export const overlay = signal(null);

/**
 * Whether keys without Ctrl act. Speech input can type them, so they can be turned off (WCAG 2.1.4).
 */
export const singleKeys = signal(read(NAME, true) ?? true);

effect(() => {
  if (!key.value) overlay.value = null;
});

/** @type {(enabled: boolean) => void} */
export function setSingleKeys(enabled) {
  singleKeys.value = enabled;
  write(NAME, enabled);
}

let begun = -Infinity;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || !key.value || document.querySelector("dialog[open]")) return;
  const pressed = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (pressed !== "k" || event.altKey || event.shiftKey) return;
    event.preventDefault();
    overlay.value = "search";
    return;
  }
  if (!singleKeys.value || isTypedInto(event.target)) return;
  const follows = event.timeStamp - begun < PATIENCE;
  begun = -Infinity;
  if (follows && Object.hasOwn(PLACES, pressed)) {
    event.preventDefault();
    go(PLACES[/** @type {keyof typeof PLACES} */ (pressed)]);
  } else if (pressed === "g") begun = event.timeStamp;
  else if (pressed === "/" || pressed === "?") {
    event.preventDefault();
    overlay.value = pressed === "/" ? "search" : "shortcuts";
  }
});

/** @type {(target: EventTarget | null) => boolean} */
const isTypedInto = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input, textarea, select"));
