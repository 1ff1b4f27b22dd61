// This tab's sessionStorage. A browser may refuse it, or have no space left in it; and what is in it
// may come from another version of the console, or from another page of the same origin.

const guarded = (act) => {
  try {
    return act();
  } catch {
    return null;
  }
};

/** The value of a name, in the shape of `like`; null for nothing, and for what is not JSON. */
export function read(name, like) {
  const found = guarded(() => JSON.parse(sessionStorage.getItem(name)));
  return found === null ? null : shaped(found, like);
}

/** Does its best: what is not stored is still in memory. */
export const write = (name, value) =>
  guarded(() => sessionStorage.setItem(name, JSON.stringify(value)));

export const remove = (name) => guarded(() => sessionStorage.removeItem(name));

export const clear = () => guarded(() => sessionStorage.clear());

/** The time of the last sign-out in any tab, which is all that localStorage ever holds. */
export const lastSignOut = (place) => guarded(() => Number(localStorage.getItem(place)));

export const recordSignOut = (place) => guarded(() => localStorage.setItem(place, Date.now()));

/** `found` where it has the types of `like`, elsewhere `like`; a null in `like` accepts anything. */
export function shaped(found, like) {
  if (like == null) return found;
  if (typeof like !== "object") return typeof found === typeof like ? found : like;
  if (Array.isArray(like))
    return Array.isArray(found) ? found.map((each) => shaped(each, like[0])) : like;
  if (found === null || typeof found !== "object" || Array.isArray(found)) return like;
  const names = new Set([...Object.keys(like), ...Object.keys(found)]);
  return Object.fromEntries([...names].map((name) => [name, shaped(found[name], like[name])]));
}
