import { bundleCreation } from "./bundle_creation.ts";
import type { Command } from "./command_types.ts";
import { createContainer } from "./container_create.ts";
import { BUNDLE_FLAGS } from "./process_flags.ts";
import { withTrace } from "./trace_context.ts";

export const createCommand: Command = {
  name: "create",
  synopsis: "<container-id>",
  description: "Builds the container of a bundle. Its program waits until it is told to start.",
  flags: BUNDLE_FLAGS,
  args: [1, 1],
  failure: { message: "runc create failed", code: 1 },
  async run(invocation) {
    const creation = bundleCreation(invocation);
    await withTrace(invocation.context, (context, trace) =>
      createContainer(context, trace ? { ...creation, trace } : creation),
    );
    return 0;
  },
};
