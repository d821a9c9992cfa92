import { existsSync } from "node:fs";
import { join } from "node:path";
import { spawnFailed } from "#lib/errors/spawn_cause.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { refuse } from "../refusals.ts";
import type { CniPlugin } from "./cni_config.ts";

/** A plugin that hangs must not hang the pod's sync for ever. */
const LIMIT_MS = 120_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface PluginCall {
  command: "ADD" | "DEL";
  plugin: CniPlugin;
  /** What the plugin reads: its configuration, name, version, previous result. */
  input: Record<string, unknown>;
  containerId: string;
  netns: string;
  interfaceName: string;
  /** `K8S_POD_NAME=…;…` */
  args: string;
  binDirs: readonly string[];
}

/** Runs one plugin as the CNI specification says. Returns its result; undefined without one. */
export async function callPlugin(call: PluginCall): Promise<unknown> {
  const { command, plugin, binDirs } = call;
  const op = `network ${command.toLowerCase()}`;
  const program = binDirs.map((dir) => join(dir, plugin.type)).find((path) => existsSync(path));
  if (!program) {
    throw refuse(
      "failed_precondition",
      op,
      `failed to find plugin "${plugin.type}" in path [${binDirs.join(" ")}]`,
      {
        fix: "install the CNI plugins, or name their folder",
        evidence: binDirs.map((ref) => ({ kind: "path", value: "searched", ref })),
      },
    );
  }
  const child = startPlugin(program, call, op);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw pluginFailed(op, plugin.type, code, stdout, stderr);
  const text = stdout.slice(0, MAX_OUTPUT_BYTES).trim();
  return text === "" ? undefined : parseResult(op, plugin.type, text);
}

function startPlugin(program: string, call: PluginCall, op: string) {
  const { command, binDirs } = call;
  try {
    return Bun.spawn([program], {
      stdin: new Blob([JSON.stringify(call.input)]),
      stdout: "pipe",
      stderr: "pipe",
      env: childEnv({
        CNI_COMMAND: command,
        CNI_CONTAINERID: call.containerId,
        CNI_NETNS: call.netns,
        CNI_IFNAME: call.interfaceName,
        CNI_ARGS: call.args,
        CNI_PATH: binDirs.join(":"),
      }),
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
  } catch (thrown) {
    throw spawnFailed(thrown, "dockershim", op);
  }
}

function parseResult(op: string, type: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse("internal", op, `plugin type="${type}": its result is no JSON`, {
      evidence: [{ kind: "log", value: text.slice(0, 500) }],
    });
  }
}

/** A plugin says on stdout, as JSON, why it failed. */
function pluginFailed(op: string, type: string, code: number, stdout: string, stderr: string) {
  let reason = stderr.trim() || stdout.trim() || `exit code ${code}`;
  try {
    const { msg, details } = JSON.parse(stdout) as { msg?: string; details?: string };
    if (msg) reason = details ? `${msg}: ${details}` : msg;
  } catch {
    // Whatever it wrote is the best that there is.
  }
  return refuse("unknown", op, `plugin type="${type}" failed: ${reason.slice(0, 1000)}`, {
    evidence: [
      { kind: "exit", value: `exit code ${code}`, ref: type },
      ...(stderr.trim() ? [{ kind: "log" as const, value: stderr.trim().slice(0, 500) }] : []),
    ],
  });
}
