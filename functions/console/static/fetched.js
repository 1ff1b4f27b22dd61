// A part of the console that is fetched when it is wanted first, so that others come sooner.
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Loading, Notice } from "./parts.js";

/** `fetch` gives the component, which gets everything else. */
export function Fetched({ fetch, ...rest }) {
  const { value: Found, error } = useLoad(fetch);
  if (Found) return html`<${Found} ...${rest} />`;
  if (!error) return html`<${Loading} rows=${8} />`;
  return html`<${Notice} kind="error" title="This page could not be fetched">
    <p>The network did not answer, or the console was updated meanwhile.</p>
    <button type="button" class="plain" onClick=${() => location.reload()}>Load it anew</button>
  <//>`;
}
