import type { Command } from "./command_types.ts";
import { signalContainer } from "./container_signal.ts";
import { parseSignal } from "./signal_names.ts";

export const killCommand: Command = {
  name: "kill",
  synopsis: "<container-id> [signal]",
  flags: [
    { name: "all", alias: "a", kind: "bool", usage: "signal every process of the container" },
  ],
  args: [1, 2],
  run({ context, flags, args }) {
    const signal = parseSignal(args[1] || "SIGTERM");
    signalContainer(context, args[0]!, signal, flags.on("all"));
    return 0;
  },
};
