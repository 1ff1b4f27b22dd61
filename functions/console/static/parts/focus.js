// Keep the focus when the focused element is removed: move it to the nearest remaining control.
//
// A page that was just opened focuses its heading. This is for parts of a page, such as a button that
// is replaced by a progress bar, or a notice that is dismissed.
const FOCUSABLE = "h1, a[href], button, input:not([tabindex='-1']), select, textarea";
const UNFOCUSABLE = "a:not([href]), :disabled";
const DELAY = 50;

/** The focused element and its ancestors, innermost first. */
/** @type {HTMLElement[]} */
let chain = [];

/** @type {(event: FocusEvent) => void} */
function remember({ target }) {
  chain = [];
  let at = target instanceof HTMLElement ? target : null;
  for (; at && at !== document.body; at = at.parentElement) chain.push(at);
}

function restore() {
  if (!chain.length || document.activeElement !== document.body) return;
  const [last, ...ancestors] = chain;
  chain = [];
  if (last.isConnected && !last.matches(UNFOCUSABLE)) return; // the user clicked next to it
  for (const ancestor of ancestors) {
    /** @type {HTMLElement | null} */
    const target = ancestor.querySelector("h1") ?? ancestor.querySelector(FOCUSABLE);
    if (ancestor.isConnected && target) return target.focus({ preventScroll: true });
    if (ancestor.id === "main") return;
  }
}

export function keepFocus() {
  let timer = 0;
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(restore, DELAY);
  };
  addEventListener("focusin", remember);
  addEventListener("focusout", schedule);
  new MutationObserver(schedule).observe(document.body, {
    attributeFilter: ["href", "disabled"],
    childList: true,
    subtree: true,
  });
}
