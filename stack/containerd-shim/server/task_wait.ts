import type { WaitRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { timestampFromNs } from "../events/timestamp.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Answers when the process has exited. */
export async function waitTask(shim: ShimContext, request: WaitRequest, context: CallContext) {
  const container = containerOf(shim, request.id, "wait");
  const process = container.process(request.execId, "wait");
  const gone = new Promise<never>((_resolve, reject) => {
    const message = "context canceled";
    const error = failure({ layer: "shim", op: "wait", code: "cancelled", message });
    context.signal?.addEventListener("abort", () => reject(error), { once: true });
  });
  const exit = await Promise.race([process.exited, gone]);
  return { exitStatus: exit.status, exitedAt: timestampFromNs(exit.atNs) };
}
