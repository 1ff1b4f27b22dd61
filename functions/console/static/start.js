// Fetches what the console is made of, a few files at a time, and starts it.
//
// Asked for all at once, each file would start a function of its own on AWS, where a new account
// may have ten at work. Those that come are in the browser's cache when they are imported.
const AT_ONCE = 4;
const PAUSES = [300, 1000, 3000];

const { files } = document.querySelector("script[data-files]").dataset;
const wanted = files.split(" ");

async function take() {
  while (wanted.length) await fetched(new URL(wanted.shift(), import.meta.url));
}

async function fetched(url) {
  for (const pause of PAUSES) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return answer.arrayBuffer();
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

try {
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  await import("./app.js");
} catch {
  document.getElementById("starting").classList.add("failed");
}
