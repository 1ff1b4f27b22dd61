// Focus that is not lost: when what has it goes away, what is nearest to its place gets it.
//
// A page that has just been opened puts it on its heading; this is for parts of a page, such as a
// button that becomes a progress bar, or a notice that is done with.
const WANTED = "h1, a[href], button, input:not([tabindex='-1']), select, textarea";
const GONE = "a:not([href]), :disabled";
const PAUSE = 50;

/** What has the focus, and all that it stands in up to the page, the innermost first. */
let chain = [];

function remember({ target }) {
  chain = [];
  for (let at = target; at && at !== document.body; at = at.parentElement) chain.push(at);
}

function settle() {
  if (!chain.length || document.activeElement !== document.body) return;
  const [last, ...around] = chain;
  chain = [];
  if (last.isConnected && !last.matches(GONE)) return; // one has clicked beside it
  for (const place of around) {
    const found = place.isConnected && (place.querySelector("h1") ?? place.querySelector(WANTED));
    if (found) return found.focus({ preventScroll: true });
    if (place.id === "main") return;
  }
}

export function keepFocus() {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(settle, PAUSE);
  };
  addEventListener("focusin", remember);
  addEventListener("focusout", look);
  new MutationObserver(look).observe(document.body, {
    attributeFilter: ["href", "disabled"],
    childList: true,
    subtree: true,
  });
}
