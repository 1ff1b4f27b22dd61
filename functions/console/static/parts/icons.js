// Line icons, 16 by 16, in the color of the adjacent text. Decorative: a text says the same.
import { html } from "./html.js";

/** @type {Record<string, string>} */
const PATHS = {
  home: "M2 7.500 8 2.500l6 5M3.500 6.500v7h9v-7M6.500 13.500v-4h3v4",
  orders: "M3 2h10v12l-2-1.3L9 14l-1-1.3L7 14l-2-1.3L3 14zM5.5 5.5h5M5.5 8.5h5",
  licenses:
    "M10.5 9a3.5 3.5 0 1 0-3.3-2.3L2.5 11.4v2.1h2.6v-1.6h1.7v-1.7L8.3 8.7c.6.2 1.4.3 2.2.3M11 5h.01",
  customers:
    "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 3a2.3 2.3 0 0 1 0 4.4M12 9.8c1.6.6 2.5 2 2.5 3.7",
  imports: "M8 10.200V2M4.800 5.200 8 2l3.200 3.200M2.500 11v2.500h11V11",
  key: "M5.5 7.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.7 8.300 13.5 2.500M10.500 5.500 12.500 7.500",
  products: "M8 1.5 14 4.7v6.6l-6 3.2-6-3.2V4.7zM2 4.7l6 3.1 6-3.1M8 7.8v6.7",
  policies: "M8 1.5 13.5 3.5v4c0 3.5-2.3 5.8-5.5 7-3.2-1.2-5.5-3.5-5.5-7v-4zM5.7 8l1.7 1.7 3-3.2",
  features: "M2 4h6M11 4h3M2 8h2M7 8h7M2 12h7M12 12h2M9.5 2.5v3M5.5 6.5v3M10.5 10.5v3",
  done: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM5.2 8.2l2 2 3.7-4",
  error: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  warning: "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5h.01",
  info: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM8 7.5v3.5M8 5h.01",
  clock: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM8 4.5V8l2.3 1.5",
  running: "M8 1.5A6.5 6.5 0 1 1 1.5 8",
  stopped: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM5 8h6",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.2 3.2L13 4.8",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  bell: "M8 2a4 4 0 0 1 4 4v3l1.500 2.500h-11L4 9V6a4 4 0 0 1 4-4M6.500 14h3",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  menu: "M2 4h12M2 8h12M2 12h12",
  down: "M8 2.5v7M5 7l3 3 3-3M3 13.5h10",
  up: "M8 10.5v-7M5 6l3-3 3 3M3 13.5h10",
  out: "M6.5 2.5h-4v11h4M6.5 8h7M11 5.5 13.5 8 11 10.5",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3l3.2 3.2",
  keyboard: "M1.5 4h13v8h-13zM4 6.700h.01M6.700 6.700h.01M9.300 6.700h.01M12 6.700h.01M5 9.500h6",
  book: "M8 4.200c0-.7-.5-1.2-1.3-1.200H2v9h4.700c.8 0 1.3.4 1.3 1zM8 4.200C8 3.5 8.5 3 9.3 3H14v9H9.300c-.8 0-1.3.4-1.3 1z",
  back: "M9.5 3.5 5 8l4.5 4.5",
  next: "M6.5 3.5 11 8l-4.5 4.5",
  retry: "M13.5 8A5.5 5.5 0 1 1 11.8 4M12.5 1.5v3h-3",
};

/** @param {{ name: string }} props */
export function Icon({ name }) {
  return html`<svg class="icon" data-icon=${name} viewBox="0 0 16 16" aria-hidden="true"
    fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"
    stroke-linejoin="round"><path d=${PATHS[name]} /></svg>`;
}
