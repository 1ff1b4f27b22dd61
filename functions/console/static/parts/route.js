// The current page and its parameters, in the fragment of the address (`#/…`).
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** `#/orders/12?x=1` is `{path: "orders/12", parts: ["orders", "12"], query: {x: "1"}}`. */
export const route = computed(() => {
  const [path, query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return {
    path,
    parts: path.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
});

/**
 * The address of a page, e.g. `link("orders", {status: "new"})`; blank values are left out.
 *
 * @type {(path: string, query?: object) => string}
 */
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

/** @type {(path: string, query?: object) => void} */
export function go(path, query) {
  location.hash = link(path, query);
}

/** @type {(part: string) => string} */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
