import { useEffect, useState } from "preact/hooks";

/** An answer of the server: undefined while it is under way, null when there is none. */
export type Reply<T> = T | null | undefined;

/** Asks the server, and again every `everyMs` where that is given. */
export function useReply<T>(path: string, everyMs?: number): Reply<T> {
  const [reply, setReply] = useState<Reply<T>>(undefined);
  useEffect(() => {
    const ended = new AbortController();
    const ask = async () => {
      try {
        const response = await fetch(path, { signal: ended.signal });
        const body = response.ok ? ((await response.json()) as T) : null;
        if (!ended.signal.aborted) setReply(body);
      } catch {
        // The server ended, which the header says; what is shown stays.
      }
    };
    setReply(undefined);
    void ask();
    const timer = everyMs === undefined ? undefined : setInterval(() => void ask(), everyMs);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [path, everyMs]);
  return reply;
}
