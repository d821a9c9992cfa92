import { childEnv } from "#lib/install/child_env.ts";
import { writeDescriptor } from "#lib/linux/file.ts";
import { refuse } from "./command_failure.ts";
import type { Command } from "./command_types.ts";
import { containerProcesses } from "./container_pause.ts";

/** The lines of ps(1) that belong to these processes, under its own title. */
function processLines(output: string, pids: number[]): string {
  const [title = "", ...lines] = output.split("\n");
  const column = title.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw refuse("ps", "couldn't find PID field in ps output", "internal");
  const wanted = new Set(pids.map(String));
  const own = lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ""));
  return `${[title, ...own].join("\n")}\n`;
}

export const psCommand: Command = {
  name: "ps",
  synopsis: "<container-id> [ps options]",
  flags: [{ name: "format", alias: "f", kind: "string", usage: "table or json", default: "table" }],
  args: [1, Number.POSITIVE_INFINITY],
  stopAtFirst: true,
  run({ context, flags, args }) {
    const pids = containerProcesses(context, args[0]!);
    const format = flags.text("format") || "table";
    if (format === "json") {
      writeDescriptor(1, `${JSON.stringify(pids.length > 0 ? pids : null)}\n`);
      return 0;
    }
    if (format !== "table") throw refuse("ps", "invalid format option", "invalid_argument");
    const options = args.length > 1 ? args.slice(1) : ["-ef"];
    const ps = Bun.spawnSync(["ps", ...options], { env: childEnv(), stderr: "pipe" });
    const output = ps.stdout.toString();
    if (!ps.success) {
      throw refuse("ps", `exit status ${ps.exitCode}: ${output}${ps.stderr}`.trim(), "internal");
    }
    writeDescriptor(1, processLines(output, pids));
    return 0;
  },
};
