import { notifySocketOf } from "./bundle_creation.ts";
import type { Command } from "./command_types.ts";
import { startContainer } from "./container_start.ts";
import { withTrace } from "./trace_context.ts";

export const startCommand: Command = {
  name: "start",
  synopsis: "<container-id>",
  flags: [],
  args: [1, 1],
  async run(invocation) {
    const { context, args } = invocation;
    const id = args[0]!;
    const notify = notifySocketOf(invocation);
    try {
      notify?.listen();
      await withTrace(context, (traced, trace) => startContainer(traced, id, trace));
      notify?.waitReady(context.store.load(id).init_process_pid);
    } finally {
      notify?.close();
    }
    return 0;
  },
};
