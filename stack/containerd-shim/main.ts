import { parseArguments } from "./command/shim_arguments.ts";
import type { RuntimeFactory } from "./shim_context.ts";

/**
 * `containerd-shim-catena-v2`: `start` and `delete` as containerd runs them, or the serving shim.
 * `factory` makes the runtime of a container; `prepare` takes what that needs from the disk while
 * the serving shim starts.
 */
export function shimMain(argv: string[], factory: RuntimeFactory, prepare: () => void): void {
  run(argv, factory, prepare).catch((thrown: unknown) => {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    process.stderr.write(`io.containerd.catena.v2: ${message}`);
    process.exit(1);
  });
}

async function run(argv: string[], factory: RuntimeFactory, prepare: () => void): Promise<void> {
  const args = parseArguments(argv);
  if (args.version) {
    process.stdout.write(`${process.argv0}:\n  Version:  catena\n`);
    return;
  }
  if (args.namespace === "") throw new Error("shim namespace cannot be empty");
  // Each action loads its own modules: `start` must not pay for the services.
  switch (args.action) {
    case "start":
      (
        require("./command/start_command.ts") as typeof import("./command/start_command.ts")
      ).startCommand(args);
      return;
    case "delete":
      await (
        require("./command/delete_command.ts") as typeof import("./command/delete_command.ts")
      ).deleteCommand(args, factory);
      return;
    default:
      await (
        require("./command/serve_command.ts") as typeof import("./command/serve_command.ts")
      ).serveCommand(args, factory, prepare);
  }
}
