import { request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { TaskExitSchema, TaskOOMSchema } from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import { connectContainerd } from "#wire/containerd-api/client.ts";
import {
  DockerEventReader,
  taskEnded,
  taskOutOfMemory,
  type WatchedEvent,
} from "./watched_event.ts";

/** A daemon that went away is asked again so often. */
const RETRY_MS = 3000;
const OUR_TOPICS = ["/tasks/exit", "/tasks/oom"];

type Tell = (event: WatchedEvent) => void;

/** Follows a Docker's events until `signal` aborts, also over its restarts. */
export async function followDocker(socket: string, signal: AbortSignal, tell: Tell): Promise<void> {
  const reader = new DockerEventReader();
  while (!signal.aborted) {
    await streamDocker(socket, signal, (line) => {
      const event = reader.read(line);
      if (event) tell(event);
    });
    await pause(signal);
  }
}

/** One connection's worth of lines. Resolves when it ends, for whatever reason. */
function streamDocker(
  socketPath: string,
  signal: AbortSignal,
  take: (line: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const filters = encodeURIComponent(JSON.stringify({ type: { container: true } }));
    const call = request({ socketPath, path: `/events?filters=${filters}`, signal });
    call.on("error", () => resolve());
    call.on("response", (response) => {
      response.on("error", () => resolve());
      response.on("close", () => resolve());
      const lines = createInterface({ input: response });
      // An error of its input is its own as well: unheard it would end the watch.
      lines.on("error", () => resolve());
      lines.on("line", take);
    });
    call.end();
  });
}

/** Follows a containerd's tasks in all namespaces but Docker's, whose events tell more. */
export async function followContainerd(
  socket: string,
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  const connection = connectContainerd(socket);
  const filters = OUR_TOPICS.map((topic) => `topic==${JSON.stringify(topic)}`);
  try {
    while (!signal.aborted) {
      try {
        const stream = connection.services.events.subscribe({ filters }, { signal });
        for await (const envelope of stream) {
          if (envelope.namespace === "moby") continue;
          const event = readTaskEvent(envelope.event);
          if (event) tell(event);
        }
      } catch {
        // It ended or was never there: it is asked again.
      }
      await pause(signal);
    }
  } finally {
    connection.close();
  }
}

function readTaskEvent(any: { typeUrl: string; value: Uint8Array } | undefined) {
  if (any?.typeUrl.endsWith("TaskOOM")) {
    return taskOutOfMemory(fromBinary(TaskOOMSchema, any.value).containerId);
  }
  if (!any?.typeUrl.endsWith("TaskExit")) return undefined;
  const { containerId, id, exitStatus } = fromBinary(TaskExitSchema, any.value);
  // Another id is an exec's: how that ends is its caller's matter.
  return id === containerId ? taskEnded(containerId, exitStatus) : undefined;
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(RETRY_MS, undefined, { signal });
  } catch {
    // Aborted: the caller looks.
  }
}
