import { basename, isAbsolute } from "node:path";
import { flagValue, type HostProcess } from "../host/process_table.ts";
import type { FoundShim } from "./find_daemons.ts";

/** A conmon: what podman and CRI-O have where containerd has a shim. */
export interface FoundMonitor extends FoundShim {
  name?: string;
  runtimeBinary: string;
}

/** Where runtimes keep their state when nothing tells them. */
const DEFAULT_ROOTS: Record<string, string> = { crun: "/run/crun", runc: "/run/runc" };

/** Reads a conmon's command line: container, name, bundle, runtime and the runtime's root. */
export function readMonitor(process: HostProcess): FoundMonitor | undefined {
  const { argv, pid } = process;
  const id = flagValue(argv, "-c", "--cid");
  const bundle = flagValue(argv, "-b", "--bundle");
  const runtimeBinary = flagValue(argv, "-r", "--runtime");
  if (id === undefined || runtimeBinary === undefined) return undefined;
  const name = flagValue(argv, "-n", "--name");
  const told = argv.find((word) => word.startsWith("--root=") || word.includes("=--root="));
  const runtimeRoot =
    told?.slice(told.lastIndexOf("--root=") + "--root=".length) ??
    rootAfter(argv) ??
    DEFAULT_ROOTS[basename(runtimeBinary)];
  return {
    pid,
    id,
    namespace: "",
    containerd: "",
    binary: argv[0] ?? "conmon",
    runtimeBinary,
    ...(name !== undefined && { name }),
    ...(bundle !== undefined && isAbsolute(bundle) && { bundle }),
    ...(runtimeRoot !== undefined && { runtimeRoot }),
  };
}

/** `--runtime-arg --root --runtime-arg DIR`: each word of the runtime's own is passed by itself. */
function rootAfter(argv: string[]): string | undefined {
  const words = argv.filter((_, index) => argv[index - 1] === "--runtime-arg");
  return flagValue(words, "--root");
}
