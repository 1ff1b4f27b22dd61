// The name of a field is its place in what the form holds: `items.0.members.sketch`.

/** Any text, such as a product's code, as one part of a name. */
export const part = (text) => encodeURIComponent(text).replaceAll(".", "%2E");

export const partsOf = (name) => name.split(".").map(decodeURIComponent);
