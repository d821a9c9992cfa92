import type { EventQuery, Filters } from "#wire/docker-api/engine.ts";
import type { EventMessage } from "#wire/docker-api/types/system.ts";
import type { Container } from "../container/container.ts";
import { matchesLabels } from "../filters.ts";
import { wallNs } from "../wall_clock.ts";

/** How many past events `--since` can reach back to. */
const MAX_KEPT = 1024;
/** What one listener may have waiting before its oldest are dropped. */
const MAX_WAITING = 4096;
const NS_PER_SECOND = 1_000_000_000n;

interface Stamped {
  ns: bigint;
  message: EventMessage;
}

interface Listener {
  queue: EventMessage[];
  wake: (() => void) | undefined;
}

/** What happens in this daemon, in dockerd's words, for `docker events`. */
export class EventBus {
  #kept: Stamped[] = [];
  readonly #listeners = new Set<Listener>();

  publish(type: string, action: string, id: string, attributes: Record<string, string>): void {
    const ns = wallNs();
    const message: EventMessage = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Number(ns / NS_PER_SECOND),
      timeNano: Number(ns),
    };
    if (type === "container" || type === "image") {
      message.status = action;
      message.id = id;
      if (attributes["image"]) message.from = attributes["image"];
    }
    this.#kept.push({ ns, message });
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    for (const listener of this.#listeners) {
      listener.queue.push(message);
      if (listener.queue.length > MAX_WAITING) listener.queue.shift();
      listener.wake?.();
    }
  }

  /** An event of a container: its name, image and labels go with it. */
  container(container: Container, action: string, more: Record<string, string> = {}): void {
    const { name, config } = container.record;
    const attributes = { ...config.Labels, image: config.Image ?? "", name, ...more };
    this.publish("container", action, container.id, attributes);
  }

  /** A prune of containers, images, … has ended, so many bytes were freed. */
  pruned(type: string, bytes: number): void {
    this.publish(type, "prune", "", { reclaimed: String(bytes) });
  }

  /** Volumes of a container that its run begins or ends to use. */
  volumes(container: Container, action: "mount" | "unmount"): void {
    for (const mount of container.record.mounts) {
      if (mount.Type !== "volume" || !mount.Name) continue;
      const more = {
        destination: mount.Destination,
        propagation: mount.Propagation,
        "read/write": String(mount.RW),
      };
      this.publish("volume", action, mount.Name, {
        container: container.id,
        driver: mount.Driver ?? "local",
        ...(action === "mount" ? more : {}),
      });
    }
  }

  /** Past events since a time, then new ones, until a time or until the signal aborts. */
  async *listen(query: EventQuery, signal?: AbortSignal): AsyncIterable<EventMessage> {
    const listener: Listener = { queue: [], wake: undefined };
    this.#listeners.add(listener);
    const wake = () => listener.wake?.();
    signal?.addEventListener("abort", wake);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    try {
      const { untilNs } = query;
      if (query.sinceNs !== undefined) yield* this.#past(query);
      if (untilNs !== undefined) {
        const ms = Number((untilNs - wallNs()) / 1_000_000n);
        if (ms <= 0) return;
        timer = setTimeout(
          () => {
            over = true;
            wake();
          },
          Math.min(ms, 2 ** 31 - 1),
        );
      }
      while (!over && !signal?.aborted) {
        const message = listener.queue.shift();
        if (message) {
          if (matchesEvent(message, query.filters)) yield message;
          continue;
        }
        await new Promise<void>((resolve) => {
          listener.wake = resolve;
        });
        listener.wake = undefined;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      this.#listeners.delete(listener);
    }
  }

  #past(query: EventQuery): EventMessage[] {
    return this.#kept
      .filter(
        ({ ns }) => ns >= query.sinceNs! && (query.untilNs === undefined || ns <= query.untilNs),
      )
      .map(({ message }) => message)
      .filter((message) => matchesEvent(message, query.filters));
  }
}

/** True when an event passes the filters: values of one key are alternatives, keys add up. */
export function matchesEvent(message: EventMessage, filters: Filters): boolean {
  const { ID, Attributes } = message.Actor;
  return Object.entries(filters).every(([key, values]) => {
    switch (key) {
      case "event":
        // "exec_start" finds "exec_start: ls", "health_status" "health_status: healthy".
        return values.some(
          (value) => message.Action === value || message.Action.startsWith(`${value}: `),
        );
      case "type":
        return values.includes(message.Type);
      case "scope":
        return values.includes(message.scope);
      case "label":
        return matchesLabels(Attributes, values);
      case "image":
        return values.some((value) =>
          message.Type === "image"
            ? ID === value || Attributes["name"] === value
            : (Attributes["image"] ?? "").split(":")[0] === value.split(":")[0] &&
              (!value.includes(":") || Attributes["image"] === value),
        );
      case "container":
      case "volume":
      case "network":
      case "daemon":
        // As dockerd: whatever its kind, by the beginning of its id or name.
        return values.some(
          (value) => ID.startsWith(value) || (Attributes["name"] ?? "").startsWith(value),
        );
      default:
        // As dockerd: a key that no event has is no condition.
        return true;
    }
  });
}
