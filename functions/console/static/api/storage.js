// This tab's sessionStorage. A browser may deny access to it or be out of space, and its content may
// be from another version of the console or from another page of the same origin.

const attempt = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

/** Read a JSON value, coerced to the shape of `like`; null if there is none. */
export function read(name, like) {
  const value = attempt(() => JSON.parse(sessionStorage.getItem(name)));
  return value === null ? null : matchShape(value, like);
}

/** Best effort: a value that can't be stored is still in memory. */
export const write = (name, value) =>
  attempt(() => sessionStorage.setItem(name, JSON.stringify(value)));

export const remove = (name) => attempt(() => sessionStorage.removeItem(name));

export const clear = () => attempt(() => sessionStorage.clear());

/** The time of the last sign-out in any tab: the only value in localStorage. */
export const readLastSignOut = (name) => attempt(() => Number(localStorage.getItem(name)));

export const recordSignOut = (name) => attempt(() => localStorage.setItem(name, Date.now()));

/** Replace each part of `value` whose type differs from `like`; null in `like` allows any type. */
export function matchShape(value, like) {
  if (like == null) return value;
  if (typeof like !== "object") return typeof value === typeof like ? value : like;
  if (Array.isArray(like))
    return Array.isArray(value) ? value.map((each) => matchShape(each, like[0])) : like;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return like;
  const names = new Set([...Object.keys(like), ...Object.keys(value)]);
  return Object.fromEntries([...names].map((name) => [name, matchShape(value[name], like[name])]));
}
