// Fetch the files of the console into the browser's cache, a few at a time, then start it.
//
// Concurrent requests would each start a Lambda function, and a new account may run only ten.
const CONCURRENCY = 4;
const RETRY_DELAYS = [300, 1000, 3000];

const { files } = document.querySelector("script[data-files]").dataset;
const pending = files.split(" ");

async function fetchPending() {
  while (pending.length) await fetchFile(new URL(pending.shift(), import.meta.url));
}

async function fetchFile(url) {
  for (const delay of RETRY_DELAYS) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return response.arrayBuffer();
    await new Promise((resume) => setTimeout(resume, delay));
  }
}

try {
  await Promise.all(Array.from({ length: CONCURRENCY }, fetchPending));
  await import("./app.js");
} catch {
  document.getElementById("starting").classList.add("failed");
}
