// The search: one field for licenses, orders and customers, opened from every page.

/** @import { SearchResult } from "../api/types.ts" */
/** @import { Group, Suggestion } from "../parts/combobox.js" */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { useSearch } from "../api/search.js";
import { Combobox } from "../parts/combobox.js";
import { formatDay } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { Notice } from "../parts/parts.js";
import { link } from "../parts/route.js";
import { suggestionOf } from "./records.js";

const LONGEST = 256;

/** @param {{ onClose: () => void }} props */
export function Search({ onClose }) {
  const text = useSignal("");
  const { result, error, isCurrent } = useSearch(text.value);
  useEffect(() => {
    /** @type {HTMLElement | null} */ (document.querySelector("dialog [role=combobox]"))?.focus();
  }, []);
  /** @type {(suggestion: Suggestion) => void} */
  const open = ({ href = "" }) => {
    onClose();
    location.hash = href;
  };
  return html`<div class="search">
    <${Combobox} label="License key, order ID, email, name or company" list="Results" type="text"
      value=${text} maxlength=${LONGEST} spellcheck=${false} autocapitalize="off"
      groups=${result ? groupsOf(result) : []} onInput=${(/** @type {string} */ value) => (text.value = value)}
      onPick=${open} />
    ${error && html`<${Notice} kind="error" problem=${error} />`}
    <p class="soft" role="status">${statusOf(text.value, result, isCurrent)}</p>
  </div>`;
}

/** @type {(text: string, result: SearchResult | null, isCurrent: boolean) => string} */
function statusOf(text, result, isCurrent) {
  if (!text.trim()) return "Type the beginning of each word. License keys need all characters.";
  if (!isCurrent) return "Searching…";
  if (!result) return "";
  const count = groupsOf(result).reduce((sum, { suggestions }) => sum + suggestions.length, 0);
  if (!count)
    return result.has_more
      ? "No matches among the first records. Add another word."
      : "No matches. Check the spelling, or type less of each word.";
  const found = count === 1 ? "1 match" : `${count} matches`;
  return result.has_more ? `${found}, and more. Add a word to narrow the search.` : found;
}

/** @type {(result: SearchResult) => Group[]} */
const groupsOf = ({ licenses, orders, customers }) => [
  {
    title: "Licenses",
    suggestions: licenses.map(({ id, license_key: key, product_code: product }) => ({
      id: `license-${id}`,
      title: `License ending in ${key.slice(-4)}`,
      detail: product,
      href: link(`licenses/${id}`),
    })),
  },
  {
    title: "Orders",
    suggestions: orders.map(({ id, store_id: title, created_at: created }) => ({
      id: `order-${id}`,
      title,
      detail: formatDay(created),
      href: link(`orders/${id}`),
    })),
  },
  {
    title: "Customers",
    suggestions: customers.map((customer) => ({
      ...suggestionOf(customer),
      href: link(`customers/${customer.id}`),
    })),
  },
];
