import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type {
  CreateTaskRequest,
  CreateTaskResponseSchema,
} from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import { runtimePath } from "../runtime/runtime_path.ts";
import type { TaskParts } from "./task_parts.ts";

/** Creates a container's task: its bundle, its shim, the container there, not yet started. */
export async function createTask(
  { containers, supervisor }: TaskParts,
  request: CreateTaskRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof CreateTaskResponseSchema>> {
  const namespace = namespaceOf(context);
  const { containerId, rootfs, stdin, stdout, stderr, terminal } = request;
  const container = containers.get(namespace, containerId);
  if (request.checkpoint && request.checkpoint.digest !== "") {
    throw refuse("unimplemented", "restoring a task from a checkpoint");
  }
  const runtimeOptions = request.options ?? container.runtime?.options;
  const { pid } = await supervisor.create(
    {
      namespace,
      id: containerId,
      binary: runtimePath(request.runtimePath || (container.runtime?.name ?? "")),
      spec: container.spec?.value ?? new Uint8Array(),
      runtimeOptions,
      create: {
        rootfs,
        stdin,
        stdout,
        stderr,
        terminal,
        ...optionsField(runtimeOptions),
      },
    },
    { namespace, ...traceField(context) },
  );
  return { containerId, pid };
}

function optionsField(options: Any | undefined): { options?: Any } {
  return options ? { options } : {};
}

/** A create is not cut short when its client leaves: half a container would be left. */
function traceField({ trace }: CallContext): Pick<CallContext, "trace"> {
  return trace ? { trace } : {};
}
