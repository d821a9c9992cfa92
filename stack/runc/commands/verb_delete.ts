import type { Command } from "./command_types.ts";
import { deleteContainer } from "./container_signal.ts";

export const deleteCommand: Command = {
  name: "delete",
  synopsis: "<container-id>",
  flags: [
    {
      name: "force",
      alias: "f",
      kind: "bool",
      usage: "kill the container if it still runs; a missing one is no failure",
    },
  ],
  args: [1, 1],
  async run({ context, flags, args }) {
    await deleteContainer(context, args[0]!, flags.on("force"));
    return 0;
  },
};
