import type { PauseRequest, ResumeRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { initRefusal } from "../process/init_state.ts";
import { runtimeFailed } from "../process/runtime_failure.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Freezes every process of a container. */
export async function pauseTask(shim: ShimContext, request: PauseRequest) {
  const container = containerOf(shim, request.id, "pause");
  return container.init.queue.run(async () => {
    const refusal = initRefusal(container.init.state, "pause");
    if (refusal) throw refusal;
    container.pausing = true;
    try {
      await container.runtime.pause(container.id);
      if (container.init.state === "running") container.init.become("paused");
    } catch (thrown) {
      throw runtimeFailed(thrown, "pause", "OCI runtime pause failed");
    } finally {
      container.pausing = false;
    }
    shim.events.paused(container.id);
    return {};
  });
}

/** Thaws a paused container. */
export async function resumeTask(shim: ShimContext, request: ResumeRequest) {
  const container = containerOf(shim, request.id, "resume");
  return container.init.queue.run(async () => {
    const refusal = initRefusal(container.init.state, "resume");
    if (refusal) throw refusal;
    try {
      await container.runtime.resume(container.id);
    } catch (thrown) {
      throw runtimeFailed(thrown, "resume", "OCI runtime resume failed");
    }
    if (container.init.state === "paused") container.init.become("running");
    shim.events.resumed(container.id);
    return {};
  });
}
