import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessDetailsSchema } from "#gen/wire/task-ttrpc/proto/runc_options_pb.ts";
import type { PidsRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

/** Every process of a container; those that an exec started are named after it. */
export async function pidsOfTask(shim: ShimContext, request: PidsRequest) {
  const container = containerOf(shim, request.id, "pids");
  const pids = await container.runtime.processes(container.id);
  const execs = new Map([...container.execs.values()].map((exec) => [exec.pid, exec.execId]));
  const processes = pids.map((pid) => {
    const execId = execs.get(pid);
    if (execId === undefined) return { pid };
    const value = toBinary(ProcessDetailsSchema, create(ProcessDetailsSchema, { execId }));
    return { pid, info: { typeUrl: ProcessDetailsSchema.typeName, value } };
  });
  return { processes };
}
