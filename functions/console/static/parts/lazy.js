// A component in a bundle of its own, fetched on first use, so that the first page is small.
import { html } from "./html.js";
import { useLoad } from "../api/load.js";
import { Loading, Notice } from "./parts.js";

/**
 * `fetch` resolves to the component, which receives all other properties.
 *
 * @param {{ fetch: () => Promise<(props: object) => unknown> }} props
 */
export function Lazy({ fetch, ...rest }) {
  const { value: Component, error, reload } = useLoad(fetch);
  if (Component) return html`<${Component} ...${rest} />`;
  if (!error) return html`<${Loading} rows=${8} />`;
  return html`<${Notice} kind="error" title="This page couldn’t be loaded" onRetry=${reload}>
    <p>Check your network and try again. If it still fails, the console may have been updated: <a
      href=${location.hash} onClick=${reloadConsole}>reload the console</a>. Your entries are kept,
      but you have to choose a file again.</p>
  <//>`;
}

/** @type {(event: Event) => void} */
function reloadConsole(event) {
  event.preventDefault();
  location.reload();
}
