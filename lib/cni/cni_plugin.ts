import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { spawnFailed } from "#lib/errors/spawn_cause.ts";
import { childEnv } from "#lib/install/child_env.ts";

/** Where distributions and hand-made installations put CNI plugins. */
const FOLDERS = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
/** A plugin waits for locks of iptables and of address files; longer than this, it hangs. */
const TIME_LIMIT_MS = 30_000;
/** Plugins call iptables, which lies where not every daemon's PATH leads. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type CniCommand = "ADD" | "DEL";

/** Whom a plugin works for: CNI_CONTAINERID, CNI_NETNS (a path), CNI_IFNAME, CNI_ARGS. */
export interface CniTarget {
  /** The link that asks: failures are told as its own. */
  caller: Layer;
  containerId: string;
  netns: string;
  ifname: string;
  /** `KEY=value` pairs joined by semicolons. */
  args?: string;
}

/** What ADD answers, as far as it is read here (CNI 0.4 and 1.0). */
export interface CniResult {
  interfaces?: { name: string; mac?: string; sandbox?: string }[];
  ips?: { address: string; gateway?: string; interface?: number }[];
  [key: string]: unknown;
}

/** The first folder that holds all plugins of these names, undefined when none does. */
export function findCniFolder(
  plugins: readonly string[],
  folders: readonly string[] = FOLDERS,
): string | undefined {
  return folders.find((folder) => plugins.every((name) => existsSync(join(folder, name))));
}

/**
 * Runs one plugin with a configuration (the JSON object it reads). Returns what it printed; rejects
 * with the plugin's own words when it refuses, and with its end when it did not finish in time.
 */
export async function runCniPlugin(
  folder: string,
  command: CniCommand,
  config: { type: string; [key: string]: unknown },
  target: CniTarget,
): Promise<CniResult | undefined> {
  const child = startPlugin(folder, command, config, target);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) {
    throw refusal(target.caller, config.type, command, out, err, child.signalCode ?? code);
  }
  return out.trim() === "" ? undefined : (JSON.parse(out) as CniResult);
}

function startPlugin(
  folder: string,
  command: CniCommand,
  config: { type: string; [key: string]: unknown },
  target: CniTarget,
) {
  try {
    return Bun.spawn([join(folder, config.type)], {
      stdin: new Blob([JSON.stringify(config)]),
      stdout: "pipe",
      stderr: "pipe",
      cwd: "/",
      timeout: TIME_LIMIT_MS,
      killSignal: "SIGKILL",
      env: childEnv({
        PATH: SYSTEM_PATH,
        CNI_COMMAND: command,
        CNI_CONTAINERID: target.containerId,
        CNI_NETNS: target.netns,
        CNI_IFNAME: target.ifname,
        CNI_ARGS: ["IgnoreUnknown=1", ...(target.args ? [target.args] : [])].join(";"),
        CNI_PATH: folder,
      }),
    });
  } catch (thrown) {
    throw spawnFailed(thrown, target.caller, config.type);
  }
}

function refusal(
  layer: Layer,
  plugin: string,
  command: CniCommand,
  out: string,
  err: string,
  end: number | string,
): ChainError {
  const words = pluginWords(out) ?? (err.trim().split("\n").at(-1) || `it ended with ${end}`);
  return failure({
    layer,
    op: `${plugin} ${command}`,
    code: "internal",
    message: `plugin type=${JSON.stringify(plugin)} failed (${command.toLowerCase()}): ${words}`,
    evidence: [{ kind: "exit", value: String(end), ref: plugin }],
  });
}

/** A plugin that refuses prints `{code, msg, details}`. */
function pluginWords(out: string): string | undefined {
  try {
    const { msg, details } = JSON.parse(out) as { msg?: string; details?: string };
    return [msg, details].filter(Boolean).join("; ") || undefined;
  } catch {
    return undefined;
  }
}
