import { useEffect, useState } from "preact/hooks";
import type {
  ContainerRow,
  FailureRow,
  HostRow,
  LiveEvent,
  StackHealth,
  TraceRow,
} from "../model.ts";

/** What the page knows of the host. Rows that did not change stay the same objects. */
export interface LiveState {
  connected: boolean;
  timeMs: number;
  host: HostRow | undefined;
  containers: ReadonlyMap<string, ContainerRow>;
  stacks: StackHealth[];
  traces: TraceRow[];
  failures: FailureRow[];
}

const EMPTY: LiveState = {
  connected: false,
  timeMs: 0,
  host: undefined,
  containers: new Map(),
  stacks: [],
  traces: [],
  failures: [],
};

/** Follows the server's events. The browser connects again by itself when they break off. */
export function useLive(): LiveState {
  const [state, setState] = useState(EMPTY);
  useEffect(() => {
    const source = new EventSource("/api/live");
    let first = true;
    source.onopen = () => {
      first = true;
    };
    source.onmessage = (message: MessageEvent<string>) => {
      const event = JSON.parse(message.data) as LiveEvent;
      // A new connection tells everything: what is not in it is gone.
      const fresh = first;
      first = false;
      setState((before) => merge(fresh ? EMPTY : before, event));
    };
    source.onerror = () => setState((before) => ({ ...before, connected: false }));
    return () => source.close();
  }, []);
  return state;
}

function merge(before: LiveState, event: LiveEvent): LiveState {
  let { containers } = before;
  if (event.rows.length > 0 || event.gone.length > 0) {
    const next = new Map(containers);
    for (const row of event.rows) next.set(row.key, row);
    for (const key of event.gone) next.delete(key);
    containers = next;
  }
  return {
    connected: true,
    timeMs: event.timeMs,
    host: event.host,
    containers,
    stacks: event.stacks ?? before.stacks,
    traces: event.traces ?? before.traces,
    failures: event.failures ?? before.failures,
  };
}
