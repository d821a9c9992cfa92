import { accessSync, constants } from "node:fs";
import { basename } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { GENUINE } from "./genuine_stack.ts";

/** A link of a chain under test. */
export type Box =
  | "genuine containerd"
  | "genuine dockerd"
  | "genuine runc"
  | "docker cli"
  | "docker-compose"
  | "cni plugins"
  | "catena daemon"
  | "catena containerd"
  | "catena dockerd"
  | "catena shim"
  | "catena runc";

/** What a test needs that gives the same to the genuine dockerd and to ours. */
export const BOTH_DOCKERDS: readonly Box[] = [
  "docker cli",
  "genuine dockerd",
  "genuine containerd",
  "catena daemon",
  "catena shim",
  "catena runc",
];

const PROBE_MS = 30_000;

/** An executable that must exist, or a command that must succeed and print something of its own. */
type Probe = { files: string[] } | { argv: () => string[]; prints: RegExp };

/** `catena LINK --help` of a link that is not there prints the help of catena. */
const link = (name: string): Probe => ({
  argv: () => [binPath("catena"), name, "--help"],
  prints: new RegExp(`usage: catena ${name}\\b`, "i"),
});

const PROBES: Record<Box, Probe> = {
  "genuine containerd": { files: [GENUINE.containerd, GENUINE.ctr, GENUINE.shim] },
  "genuine dockerd": { files: [GENUINE.dockerd] },
  "genuine runc": { files: [GENUINE.runc] },
  "cni plugins": { files: ["/usr/lib/cni/bridge", "/usr/sbin/iptables", "/usr/bin/ip"] },
  "docker-compose": { files: ["/usr/bin/docker-compose"] },
  "docker cli": { argv: () => ["docker", "--version"], prints: /Docker version/ },
  "catena daemon": link("daemon"),
  "catena containerd": link("containerd"),
  "catena dockerd": link("dockerd"),
  "catena shim": { argv: () => [binPath("containerd-shim-catena-v2"), "-v"], prints: /Version/ },
  "catena runc": { argv: () => [binPath("catena-runc"), "--version"], prints: /spec: / },
};

const answers = new Map<Box, string | undefined>();

/**
 * Why a test that needs these boxes cannot run here; undefined when it can. Root is needed by all.
 * Each box is asked once a process.
 */
export function reasonToSkip(boxes: readonly Box[]): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  for (const box of boxes) {
    if (!answers.has(box)) answers.set(box, probe(box));
    const reason = answers.get(box);
    if (reason) return `${box} is not there: ${reason}`;
  }
  return undefined;
}

function probe(box: Box): string | undefined {
  const how = PROBES[box];
  if ("files" in how) {
    const missing = how.files.find((path) => !isExecutable(path));
    return missing && `no executable ${missing}`;
  }
  const argv = how.argv();
  try {
    const result = Bun.spawnSync(argv, { env: childEnv(), timeout: PROBE_MS });
    if (result.exitCode === 0) {
      return how.prints.test(result.stdout.toString()) ? undefined : "it does not answer";
    }
    const lastLine = result.stderr.toString().trim().split("\n").at(-1) ?? "";
    return `${basename(argv[0]!)} ${argv.slice(1).join(" ")}: exit ${result.exitCode}: ${lastLine}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
