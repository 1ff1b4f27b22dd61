// Imports of a kind: those that there were, newest first.
import { html } from "./html.js";
import { Page } from "./parts.js";

export function Imports({ parts }) {
  return html`<${Page} title="Imports ${parts[0] ?? ""}"><//>`;
}
