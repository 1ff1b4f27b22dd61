// The name of a form field is the path of its value in the form's draft: `items.0.members.sketch`.

/**
 * Escape a text, such as a product code, for use as one part of a field name.
 *
 * @type {(text: string) => string}
 */
export const part = (text) => encodeURIComponent(text).replaceAll(".", "%2E");

/** @type {(name: string) => string[]} */
export const parseFieldName = (name) => name.split(".").map(decodeURIComponent);
