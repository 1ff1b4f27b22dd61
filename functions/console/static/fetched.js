// A bundle of its own, fetched on first use, so that the first page is small.
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Loading, Notice } from "./parts.js";

/** `fetch` gives the component, which gets everything else. */
export function Fetched({ fetch, ...rest }) {
  const { value: Found, error, reload } = useLoad(fetch);
  if (Found) return html`<${Found} ...${rest} />`;
  if (!error) return html`<${Loading} rows=${8} />`;
  return html`<${Notice} kind="error" title="This page could not be fetched" again=${reload}>
    <p>The network did not answer. If it does again and this page still does not come, the console
      was updated meanwhile: <a href=${location.hash} onClick=${anew}>load it anew</a>. What you
      typed is kept; a file that you chose has to be chosen again.</p>
  <//>`;
}

function anew(event) {
  event.preventDefault();
  location.reload();
}
