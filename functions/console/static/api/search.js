// Search as someone types: the latest text wins, and nothing is requested twice at once.

/** @import { Failure, SearchResult } from "./types.ts" */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import * as api from "./api.js";

/** Milliseconds without a keystroke before a request. */
const DELAY = 150;

/**
 * The result for a text, or the one before while it is loaded; null for a blank text.
 *
 * @param {string} text
 * @param {"customer"} [kind]
 */
export function useSearch(text, kind) {
  const state = useSignal(
    /** @type {{ text: string, result: SearchResult | null, error: Failure | null }} */ ({
      text: "",
      result: null,
      error: null,
    }),
  );
  const wanted = text.trim();
  useEffect(() => {
    if (!wanted) {
      state.value = { text: "", result: null, error: null };
      return undefined;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(async () => {
      try {
        const result = await api.get("search/", { q: wanted, kind }, { signal });
        state.value = { text: wanted, result, error: null };
      } catch (thrown) {
        if (signal.aborted) return;
        state.value = { text: wanted, result: null, error: /** @type {Failure} */ (thrown) };
      }
    }, DELAY);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [wanted, kind]);
  return { ...state.value, isCurrent: state.value.text === wanted };
}
