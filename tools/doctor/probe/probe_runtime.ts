import type { Facts } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";
import type { Probe } from "./probe_links.ts";
import { runCommand } from "./run_command.ts";

const TIMEOUT_MS = 5000;

/** The lowest link: the runtime's own command line, as its shim would call it. */
export function probeRuntime(facts: Facts, argv: string[], times: number): Probe | undefined {
  const { binary, root, binaryExists } = facts.runtime ?? {};
  if (!binaryExists || binary === undefined || root === undefined) return undefined;
  const command = [binary, "--root", root, "exec", facts.id, ...argv];
  return {
    link: "runc",
    command: command.join(" "),
    times,
    run: async () => {
      const result = await runCommand(command, stretched(TIMEOUT_MS));
      const { exitCode, timedOut, latencyMs } = result;
      const ok = exitCode === 0;
      const text = result.text === "" ? `exit code ${exitCode}` : lastLines(result.text);
      return { ok, timedOut, latencyMs, text, ...(exitCode !== undefined && { exitCode }) };
    },
  };
}

/** A crashing Go program prints pages; what it died of stands first, what the caller says last. */
function lastLines(text: string): string {
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.match(/ msg="((?:[^"\\]|\\.)*)"/)?.[1]?.replace(/\\(.)/g, "$1") ?? line);
  if (lines.length <= 2) return lines.join("; ");
  return `${lines[0]}; …; ${lines[lines.length - 1]}`;
}
