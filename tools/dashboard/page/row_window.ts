import { useCallback, useState } from "preact/hooks";

/** Pixels; the style sheet holds rows to it. */
export const ROW_HEIGHT = 48;
/** Rows drawn beyond either end of what is seen. */
const MARGIN = 8;
/** Rows drawn before the box was measured. */
const FIRST_ROWS = 40;

/** Which rows of a long table are worth drawing. */
export interface RowWindow {
  from: number;
  to: number;
  /** For the box that scrolls. */
  box: (element: HTMLElement | null) => void;
  onScroll: (event: Event) => void;
}

/** Follows a scrolling box: a table of any length costs what is seen of it. */
export function useRowWindow(count: number): RowWindow {
  const [seen, setSeen] = useState({ top: 0, rows: FIRST_ROWS });
  const measure = useCallback((element: HTMLElement) => {
    const top = Math.floor(element.scrollTop / ROW_HEIGHT);
    const rows = Math.ceil(element.clientHeight / ROW_HEIGHT);
    setSeen((before) => (before.top === top && before.rows === rows ? before : { top, rows }));
  }, []);
  const box = useCallback(
    (element: HTMLElement | null) => {
      if (element) measure(element);
    },
    [measure],
  );
  const onScroll = (event: Event) => measure(event.currentTarget as HTMLElement);
  const from = Math.max(0, Math.min(seen.top, count) - MARGIN);
  const to = Math.min(count, seen.top + Math.max(seen.rows, FIRST_ROWS) + MARGIN);
  return { from, to, box, onScroll };
}
