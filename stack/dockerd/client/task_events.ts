import { fromBinary } from "@bufbuild/protobuf";
import type { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { TaskExitSchema, TaskOOMSchema } from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import type { Envelope } from "#gen/wire/containerd-api/proto/types/event_pb.ts";
import type { Daemon } from "../daemon.ts";
import { forgetExec } from "../exec/exec_leavings.ts";
import { containerExited, execExited } from "../server/container_exit.ts";

const TOPICS = ["/tasks/exit", "/tasks/oom"];
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

type Timestamp = ReturnType<typeof timestampFromMs>;

/** Nanoseconds since 1970; undefined for "never" (Go's zero time, or nothing at all). */
export function timestampNs(time: Timestamp | undefined): bigint | undefined {
  if (!time || time.seconds <= 0n) return undefined;
  return time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

/**
 * Listens to containerd's events for the daemon's life. Each time the stream had broken,
 * `reconnected` asks what was missed.
 */
export async function followTaskEvents(
  daemon: Daemon,
  reconnected: () => Promise<void>,
): Promise<void> {
  const { signal } = daemon.closing;
  const filters = TOPICS.map(
    (topic) => `namespace==${daemon.namespace},topic==${JSON.stringify(topic)}`,
  );
  let retryMs = FIRST_RETRY_MS;
  let first = true;
  while (!signal.aborted) {
    try {
      const stream = daemon.services.events.subscribe({ filters }, { ...daemon.call(), signal });
      const iterator = stream[Symbol.asyncIterator]();
      let next = iterator.next();
      // Its failure is seen below; until then it must not count as unhandled.
      next.catch(() => undefined);
      // Asked after the subscription was sent, so that nothing falls between the two.
      if (!first) await reconnected();
      first = false;
      for (let item = await next; !item.done; item = await next) {
        retryMs = FIRST_RETRY_MS;
        handle(daemon, item.value);
        next = iterator.next();
      }
    } catch (error) {
      if (signal.aborted) return;
      daemon.log.warn("containerd's events are cut off", {
        error: error instanceof Error ? error.message : String(error),
        retry_ms: retryMs,
      });
      first = false;
    }
    await Bun.sleep(retryMs);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  }
}

function handle(daemon: Daemon, envelope: Envelope): void {
  const value = envelope.event?.value;
  if (!value) return;
  if (envelope.topic === "/tasks/oom") {
    const { containerId } = fromBinary(TaskOOMSchema, value);
    const container = daemon.containers.get(containerId);
    if (!container) return;
    container.record.state.oomKilled = true;
    container.memoryKills.note();
    daemon.events.container(container, "oom");
    return;
  }
  if (envelope.topic !== "/tasks/exit") return;
  const event = fromBinary(TaskExitSchema, value);
  const container = daemon.containers.get(event.containerId);
  if (!container) return;
  const failed = (error: unknown) =>
    daemon.log.error("end of a process could not be dealt with", {
      container: event.containerId,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  if (event.id === "" || event.id === event.containerId) {
    const exit = {
      exitCode: event.exitStatus,
      exitedAtNs: timestampNs(event.exitedAt),
      pid: event.pid,
    };
    containerExited(daemon, container, exit).catch(failed);
    return;
  }
  const exec = container.execs.get(event.id);
  if (exec) execExited(daemon, container, exec, event.exitStatus).catch(failed);
  // Of an earlier life of this daemon: nobody asks for its end, but what kept it must go.
  else forgetExec(daemon, event.containerId, event.id).catch(failed);
}
