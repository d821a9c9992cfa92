import type { UpdateTaskRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { Resources } from "#wire/oci-runtime/runtime.ts";
import { initRefusal } from "../process/init_state.ts";
import { runtimeFailed } from "../process/runtime_failure.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Changes a container's limits. */
export async function updateTask(shim: ShimContext, request: UpdateTaskRequest) {
  const container = containerOf(shim, request.id, "update");
  const resources = parseResources(request.resources?.value);
  return container.init.queue.run(async () => {
    const refusal = initRefusal(container.init.state, "update");
    if (refusal) throw refusal;
    try {
      await container.runtime.update(container.id, resources);
    } catch (thrown) {
      throw runtimeFailed(thrown, "update", "OCI runtime update failed");
    }
    return {};
  });
}

function parseResources(value: Uint8Array | undefined): Resources {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(value));
    if (typeof parsed === "object" && parsed !== null) return parsed as Resources;
  } catch {
    // Told below.
  }
  const message = "the resources are not a linux.resources object in JSON";
  throw failure({ layer: "shim", op: "update", code: "invalid_argument", message });
}
