import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { SpanSink, Tracer } from "#lib/trace/tracer.ts";
import type { OciRuntime } from "#wire/oci-runtime/runtime.ts";
import type { OomWatch } from "./cgroup/oom_watch.ts";
import type { ShimLog } from "./command/shim_log.ts";
import type { TaskEvents } from "./events/task_events.ts";
import type { Container } from "./process/container.ts";
import type { RuntimeChoice } from "./state/container_record.ts";

/** What the composition root needs to know to make a container's runtime. */
export interface RuntimeRequest extends RuntimeChoice {
  namespace: string;
  bundle: string;
  /** Folder for the runtime's logs and process files. */
  workFolder: string;
  /** Takes the runtime's spans, when it runs in this process. */
  sink?: SpanSink;
  warn?: (message: string) => void;
}

/** Makes the runtime of one container: our library in process, or the client of an executable. */
export type RuntimeFactory = (request: RuntimeRequest) => OciRuntime;

/** What the shim's verbs share. */
export interface ShimContext {
  namespace: string;
  /** The address that this shim serves, as bundles name it. */
  address: string;
  containers: Map<string, Container>;
  /** Ids whose create is under way. */
  creating: Set<string>;
  runtimeFactory: RuntimeFactory;
  events: TaskEvents;
  oom: OomWatch;
  log: ShimLog;
  tracer: Tracer;
  /** Asks the process to end once no container needs it. `id` is no longer wanted by containerd. */
  retire(id: string): void;
}

/** The runtime of one container, with this shim's log and traces. */
export function runtimeOf(
  shim: ShimContext,
  request: Omit<RuntimeRequest, "namespace" | "sink" | "warn">,
): OciRuntime {
  const { namespace, log, tracer } = shim;
  const whole: RuntimeRequest = { ...request, namespace, warn: (text) => log.warn(text) };
  if (tracer.sink) whole.sink = tracer.sink;
  return shim.runtimeFactory(whole);
}

/** Finds a container, or refuses in containerd's words. */
export function containerOf(shim: ShimContext, id: string, op: string): Container {
  const container = shim.containers.get(id);
  if (container) return container;
  throw notFound(op, "container not created");
}

/** A refusal with the code NotFound. */
export function notFound(op: string, message: string): ChainError {
  return failure({ layer: "shim", op, code: "not_found", message });
}
