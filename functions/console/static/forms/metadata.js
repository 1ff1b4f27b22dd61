// The metadata of a record as a text that can be edited.

/** @import { Form, FieldFault } from "./form.js" */
/** @import { EditDraft, Values } from "./merge.js" */
import { fieldOf } from "./edit.js";
import { FormField } from "./form.js";
import { html } from "../parts/html.js";

/** @type {(metadata?: Record<string, unknown> | null) => string} */
export const formatMetadata = (metadata) =>
  metadata && Object.keys(metadata).length ? JSON.stringify(metadata, null, 2) : "";

/**
 * Metadata is sent as text, so that the API reads its numbers as they were typed.
 *
 * @type {(values: Values) => FieldFault[]}
 */
export function checkMetadata({ metadata }) {
  const text = String(metadata).trim();
  try {
    if (!text || (text.startsWith("{") && JSON.parse(text))) return [];
  } catch {
    // below
  }
  return [{ at: fieldOf("metadata"), message: 'Enter a JSON object, e.g. {"seats": 7}' }];
}

/** @param {{ form: Form<EditDraft> }} props */
export const MetadataField = ({
  form,
}) => html`<${FormField} form=${form} name=${fieldOf("metadata")}
  label="Metadata" as="textarea" rows="4" class="code" spellcheck=${false}
  hint="A JSON object; blank for none" />`;
