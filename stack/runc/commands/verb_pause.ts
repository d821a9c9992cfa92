import type { Command } from "./command_types.ts";
import { pauseContainer, resumeContainer } from "./container_pause.ts";

export const pauseCommand: Command = {
  name: "pause",
  synopsis: "<container-id>",
  flags: [],
  args: [1, 1],
  async run({ context, args }) {
    await pauseContainer(context, args[0]!);
    return 0;
  },
};

export const resumeCommand: Command = {
  name: "resume",
  synopsis: "<container-id>",
  flags: [],
  args: [1, 1],
  async run({ context, args }) {
    await resumeContainer(context, args[0]!);
    return 0;
  },
};
