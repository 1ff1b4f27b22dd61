// Load data for a component, with its loading and error states.

/** @import { Failure, Loadable } from "./types.ts" */
import { useCallback, useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { signInCount } from "./session.js";

/**
 * `const orders = useLoad((signal) => api.get("orders/", query, {signal}), [query.offset])`
 *
 * Returns `{loading, error, value, reload}`, and reloads when one of `inputs` changes or the user signs
 * in. Keeps the previous value while a new one loads, so that nothing moves; drops it if loading with
 * changed inputs fails, because it would look like the new value. `every(value, error)` returns the
 * milliseconds until the next automatic reload, or null. With it, the value also reloads when the tab
 * becomes visible.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {unknown[]} inputs
 * @param {{ every?: (value: T | null, error: Failure | null) => number | null }} options
 * @returns {Loadable<T>}
 */
export function useLoad(read, inputs = [], { every } = {}) {
  const state = useSignal(
    /** @type {Omit<Loadable<T>, "reload">} */ ({ loading: true, error: null, value: null }),
  );
  const current = useRef(/** @type {AbortController | null} */ (null));
  const timer = useRef(0);
  const loadedBy = useRef(/** @type {(() => void) | null} */ (null));
  const reload = useCallback(async () => {
    current.current?.abort();
    clearTimeout(timer.current);
    const controller = new AbortController();
    current.current = controller;
    state.value = { ...state.peek(), loading: true };
    try {
      const value = await read(controller.signal);
      if (current.current === controller) {
        state.value = { loading: false, error: null, value };
        loadedBy.current = reload;
      }
    } catch (thrown) {
      const error = /** @type {Failure} */ (thrown);
      const value = loadedBy.current === reload ? state.peek().value : null;
      if (current.current === controller) state.value = { loading: false, error, value };
    }
    if (current.current !== controller || !every) return;
    const delay = every(state.peek().value, state.peek().error);
    if (delay != null) timer.current = setTimeout(reload, delay);
  }, inputs);
  useEffect(() => {
    reload();
    return () => {
      current.current?.abort();
      current.current = null;
      clearTimeout(timer.current);
    };
  }, [reload, signInCount.value]);
  useEffect(() => {
    if (!every) return undefined;
    const reloadIfVisible = () => document.hidden || state.peek().loading || reload();
    document.addEventListener("visibilitychange", reloadIfVisible);
    return () => document.removeEventListener("visibilitychange", reloadIfVisible);
  }, [reload]);
  return { ...state.value, reload };
}
