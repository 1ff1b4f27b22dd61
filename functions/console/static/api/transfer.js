// One request to S3, by a presigned URL from the API.
import * as api from "./api.js";

/** Resolves to `{etag, text}` of a 2xx response; rejects with a Problem, whose `s3` is S3's code. */
export function transfer(method, url, body, { onProgress = () => {}, signal } = {}) {
  // XMLHttpRequest, because fetch does not report upload progress.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    if (signal?.aborted) throw signal.reason;
    request.open(method, url);
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      const { status, responseText: text } = request;
      if (status >= 200 && status < 300 && !/<Error>/.test(text))
        resolve({ etag: request.getResponseHeader("ETag"), text });
      else reject(parseError(status, text));
    };
    request.onerror = () => reject(api.connectionProblem());
    request.onabort = () => reject(new DOMException("The upload was cancelled", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    request.send(body);
  });
}

export const uploadProblem = (detail, more) =>
  new api.Problem({ code: "upload_refused", title: "The upload failed", detail, ...more });

function parseError(status, text) {
  const [code, message] = ["Code", "Message"].map(
    (name) => new RegExp(`<${name}>([^<]*)`).exec(text)?.[1] ?? "",
  );
  const detail = `S3 responded with ${status}${code && ` ${code}`}${message && `: ${message}`}. Try again.`;
  return Object.assign(uploadProblem(detail, { status }), { s3: code });
}
