// Reading for a page: what is there, whether it is still coming, and why it did not come.
import { useCallback, useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { signIns } from "./session.js";

/**
 * `const orders = useLoad((signal) => api.get("orders/", query, {signal}), [query.offset])`
 *
 * Gives `{loading, error, value, reload}`, read again when one of `inputs` changes or someone signs
 * in. The value before stays until the new one is there, so that nothing jumps; but not where the new
 * one does not come, since it would look like it. `every(value)` says in how many milliseconds to
 * read again by itself; null is never.
 */
export function useLoad(read, inputs = [], { every } = {}) {
  const state = useSignal({ loading: true, error: null, value: null });
  const turn = useRef(null);
  const again = useRef(0);
  const shown = useRef(null);
  const reload = useCallback(async () => {
    turn.current?.abort();
    clearTimeout(again.current);
    const mine = (turn.current = new AbortController());
    state.value = { ...state.peek(), loading: true };
    try {
      const value = await read(mine.signal);
      if (turn.current === mine) {
        state.value = { loading: false, error: null, value };
        shown.current = reload;
      }
    } catch (error) {
      const value = shown.current === reload ? state.peek().value : null;
      if (turn.current === mine) state.value = { loading: false, error, value };
    }
    if (turn.current !== mine || !every) return;
    const pause = every(state.peek().value, state.peek().error);
    if (pause != null) again.current = setTimeout(reload, pause);
  }, inputs);
  useEffect(() => {
    reload();
    return () => {
      turn.current?.abort();
      turn.current = null;
      clearTimeout(again.current);
    };
  }, [reload, signIns.value]);
  return { ...state.value, reload };
}
