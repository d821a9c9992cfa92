import type { CallContext } from "#lib/rpc/service.ts";
import { connectContainerd } from "#wire/containerd-api/client.ts";
import { taskClient } from "#wire/task-ttrpc/client/ttrpc_client.ts";
import { TtrpcConnection } from "#wire/task-ttrpc/client/ttrpc_connection.ts";

const PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";

export interface TaskStdio {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** One exec process, entered at containerd or straight at its shim: the same calls on two wires. */
export interface TaskCalls {
  exec(process: Record<string, unknown>, stdio: TaskStdio): Promise<void>;
  start(): Promise<void>;
  wait(): Promise<number>;
  closeInput(): Promise<void>;
  resize(height: number, width: number): Promise<void>;
  remove(): Promise<void>;
  close(): void;
}

function processAny(process: Record<string, unknown>) {
  return { typeUrl: PROCESS_TYPE, value: Buffer.from(JSON.stringify(process)) };
}

/** Over containerd's gRPC Tasks service. */
export function containerdCalls(
  socket: string,
  containerId: string,
  execId: string,
  context: CallContext,
): TaskCalls {
  const connection = connectContainerd(socket);
  const { tasks } = connection.services;
  const ids = { containerId, execId };
  return {
    exec: async (process, stdio) => {
      await tasks.exec({ ...ids, ...stdio, spec: processAny(process) }, context);
    },
    start: async () => {
      await tasks.start(ids, context);
    },
    wait: async () => (await tasks.wait(ids, context)).exitStatus,
    closeInput: async () => {
      await tasks.closeIO({ ...ids, stdin: true }, context);
    },
    resize: async (height, width) => {
      await tasks.resizePty({ ...ids, height, width }, context);
    },
    remove: async () => {
      await tasks.deleteProcess(ids, context);
    },
    close: () => connection.close(),
  };
}

/** Over ttrpc, to the shim that holds the container. */
export async function shimCalls(
  socket: string,
  id: string,
  execId: string,
  context: CallContext,
): Promise<TaskCalls> {
  const connection = await TtrpcConnection.connect({ path: socket, peer: "shim" });
  const task = taskClient(connection);
  const ids = { id, execId };
  return {
    exec: async (process, stdio) => {
      await task.exec({ ...ids, ...stdio, spec: processAny(process) }, context);
    },
    start: async () => {
      await task.start(ids, context);
    },
    wait: async () => (await task.wait(ids, context)).exitStatus,
    closeInput: async () => {
      await task.closeIO({ ...ids, stdin: true }, context);
    },
    resize: async (height, width) => {
      await task.resizePty({ ...ids, height, width }, context);
    },
    remove: async () => {
      await task.delete(ids, context);
    },
    close: () => connection.close(),
  };
}
