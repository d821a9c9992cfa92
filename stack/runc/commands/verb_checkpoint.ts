import { refuse } from "./command_failure.ts";
import type { Command } from "./command_types.ts";

const unsupported = (name: string): Command => ({
  name,
  synopsis: "<container-id>",
  description: "Checkpoints need CRIU, which this runtime does not drive. Use runc for them.",
  flags: [],
  args: [1, 1],
  run({ context, args }) {
    if (name === "checkpoint") context.store.load(args[0]!);
    throw refuse(name, `${name} is not supported`, "unimplemented", {
      fix: "checkpoint and restore with genuine runc, which reads the same state",
    });
  },
});

export const checkpointCommand = unsupported("checkpoint");
export const restoreCommand = unsupported("restore");
