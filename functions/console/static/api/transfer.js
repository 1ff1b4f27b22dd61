// One request to S3, by a presigned URL from the API.
import * as api from "./api.js";

/**
 * Resolves to the ETag and text of a 2xx response; rejects with a Problem, whose `s3` is S3's code.
 *
 * @param {string} method
 * @param {string} url
 * @param {XMLHttpRequestBodyInit} body
 * @param {{ onProgress?: (sent: number) => void, signal?: AbortSignal }} options
 * @returns {Promise<{ etag: string | null, text: string }>}
 */
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

/** @type {(detail: string, more?: { status: number, s3: string }) => api.Problem} */
export const uploadProblem = (detail, more) =>
  new api.Problem({ code: "upload_refused", title: "The upload failed", detail, ...more });

/** @type {(status: number, text: string) => api.Problem} */
function parseError(status, text) {
  const [code, message] = ["Code", "Message"].map(
    (name) => new RegExp(`<${name}>([^<]*)`).exec(text)?.[1] ?? "",
  );
  const detail = `S3 responded with ${status}${code && ` ${code}`}${message && `: ${message}`}. Try again.`;
  return uploadProblem(detail, { status, s3: code });
}
