import { writeDescriptor } from "#lib/linux/file.ts";
import { containerStatus, runtimeState } from "../state/container_status.ts";
import type { Command } from "./command_types.ts";

export const stateCommand: Command = {
  name: "state",
  synopsis: "<container-id>",
  flags: [],
  args: [1, 1],
  run({ context, args }) {
    const state = context.store.load(args[0]!);
    const status = containerStatus(context.store, state);
    writeDescriptor(1, JSON.stringify(runtimeState(state, status), null, 2));
    return 0;
  },
};
