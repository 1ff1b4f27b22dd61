// One request to S3, by a link that the API gave.
import * as api from "./api.js";

/** `{etag, text}` of an answer of 2xx; anything else is a Problem, whose `s3` is S3's own code. */
export function transfer(method, url, body, { onSent = () => {}, signal } = {}) {
  // XMLHttpRequest, because fetch does not tell how much has been sent.
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    if (signal?.aborted) throw signal.reason;
    request.open(method, url);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => {
      const { status, responseText: text } = request;
      if (status >= 200 && status < 300 && !/<Error>/.test(text))
        done({ etag: request.getResponseHeader("ETag"), text });
      else fail(refused(status, text));
    };
    request.onerror = () => fail(api.offline());
    request.onabort = () => fail(new DOMException("The upload was cancelled", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    request.send(body);
  });
}

function refused(status, text) {
  const [code, message] = ["Code", "Message"].map(
    (name) => new RegExp(`<${name}>([^<]*)`).exec(text)?.[1] ?? "",
  );
  const problem = new api.Problem({
    status,
    code: "upload_refused",
    title: "The file was not taken",
    detail: `S3 answered ${status}${code && ` ${code}`}${message && `: ${message}`}. Try again.`,
  });
  return Object.assign(problem, { s3: code });
}
