// Labels of the columns of files, in the words of the console's forms.
import { fieldOfColumn, isCustomField } from "../csv/header.js";
import { html } from "../parts/html.js";
import { TERMS } from "../pages/terms.js";

/** @type {Map<string, string>} */
const TERM_LABELS = new Map(TERMS.map(({ name, label }) => [name, label]));
/** @type {Record<string, string>} */
const LABELS = {
  product__short_code: "Product code",
  license__enabled: "Enabled",
  license__is_trial: "Trial license",
  license__maintenance_period: "Maintenance until",
  license__product_features: "Features",
  license__start_date: "Starts on",
  license__subscription_id: "Subscription ID",
  license__validity_period: "Ends on",
  order__created_at: "Order placed at",
  order__download_id: "Download ID",
  order__is_test: "Test order",
  order__is_trial: "Trial order",
  order__store_id: "Order ID",
  code: "Feature code",
  company_name: "Company",
  customer__company_name: "Company",
  expiry_date: "Expires on",
  max_consumption: "Uses",
  total_consumptions: "Used so far",
};
/** Columns of customers and license features, whose names have no prefix. */
const PLAIN =
  /^(email|first_name|last_name|phone|reference|address|postcode|state|city|country|metadata|license_key)$/;

/**
 * The label of one of our columns; null for a column of another name, which is the file's own.
 *
 * @type {(name: string) => string | null}
 */
export function labelColumn(name) {
  const [part, field] = name.includes("__") ? name.split("__") : ["", name];
  if (Object.hasOwn(LABELS, name)) return LABELS[name];
  if (isCustomField(name)) return `Custom field ${fieldOfColumn(name)}`;
  const term = TERM_LABELS.get(field);
  if (term && ["license", ""].includes(part)) return term;
  if (!/^(license|order|customer)?$/.test(part) || !(part || PLAIN.test(name))) return null;
  const words = field.replaceAll("_", " ");
  return capitalize(part && part !== "license" ? `${part} ${words}` : words);
}

/** @type {(text: string) => string} */
const capitalize = (text) => text[0].toUpperCase() + text.slice(1);

/**
 * A column: its label with its name below, or only the name that the file has.
 *
 * @param {{ of: string }} props
 */
export function ColumnName({ of: name }) {
  const label = labelColumn(name);
  if (!label) return html`<code>${name}</code>`;
  return html`<span class="column">${label} <code>${name}</code></span>`;
}
