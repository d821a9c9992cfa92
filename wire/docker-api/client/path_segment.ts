/** An id or a name in a path. Slashes of image names stay as they are. */
export const segment = (text: string) => encodeURIComponent(text).replaceAll("%2F", "/");

/** `filters` as a query value. */
export const filtersText = (filters: Record<string, string[]>) =>
  Object.keys(filters).length === 0 ? undefined : JSON.stringify(filters);

/** Nanoseconds as the API takes times: seconds with nine digits. */
export const timeText = (ns: bigint | undefined) =>
  ns === undefined
    ? undefined
    : `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
