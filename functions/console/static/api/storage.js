// This tab's sessionStorage. A browser may deny access to it or be out of space, and its content may
// be from another version of the console or from another page of the same origin.

/**
 * @template T
 * @param {() => T} act
 */
const attempt = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

/**
 * Read a JSON value, coerced to the shape of `like`; null if there is none.
 *
 * @template [T=unknown]
 * @param {string} name
 * @param {T} [like]
 * @returns {T | null}
 */
export function read(name, like) {
  const value = attempt(() => JSON.parse(sessionStorage.getItem(name) ?? "null"));
  return value === null ? null : matchShape(value, like);
}

/**
 * Best effort: a value that can't be stored is still in memory.
 *
 * @param {string} name
 * @param {unknown} value
 */
export const write = (name, value) =>
  attempt(() => sessionStorage.setItem(name, JSON.stringify(value)));

export const remove = (/** @type {string} */ name) =>
  attempt(() => sessionStorage.removeItem(name));

export const clear = () => attempt(() => sessionStorage.clear());

/** The time of the last sign-out in any tab: the only value in localStorage. */
export const readLastSignOut = (/** @type {string} */ name) =>
  attempt(() => Number(localStorage.getItem(name)));

export function recordSignOut(/** @type {string} */ name) {
  const now = Date.now();
  attempt(() => localStorage.setItem(name, `${now}`));
}

/**
 * Replace each part of `value` whose type differs from `like`; null in `like` allows any type.
 *
 * @template T
 * @param {unknown} value
 * @param {T} [like]
 * @returns {T}
 */
export function matchShape(value, like) {
  return /** @type {T} */ (coerce(value, like));
}

/** @type {(value: unknown, like: unknown) => unknown} */
function coerce(value, like) {
  if (like == null) return value;
  if (typeof like !== "object") return typeof value === typeof like ? value : like;
  if (Array.isArray(like))
    return Array.isArray(value) ? value.map((each) => coerce(each, like[0])) : like;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return like;
  /** @type {(from: object) => Map<string, unknown>} */
  const fields = (from) => new Map(Object.entries(from));
  const [given, expected] = [fields(value), fields(like)];
  const names = [...new Set([...expected.keys(), ...given.keys()])];
  return Object.fromEntries(
    names.map((name) => [name, coerce(given.get(name), expected.get(name))]),
  );
}
