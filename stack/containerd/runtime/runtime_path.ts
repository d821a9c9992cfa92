import { basename, dirname, isAbsolute, join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import { isExecutableFile } from "#lib/install/executable_file.ts";
import { binPath } from "#lib/install/install_paths.ts";

/** Our own runtime: its shim needs no `start` while one is alive for the namespace. */
export const CATENA_RUNTIME = "io.containerd.catena.v2";
export const CATENA_SHIM = "containerd-shim-catena-v2";

/** Whether a shim's executable is ours, whatever folder it lies in. */
export function isOurs(binary: string): boolean {
  return basename(binary) === CATENA_SHIM;
}

/** How containerd begins such a failure; its code for it is "unknown". */
const RESOLVE_WORDS = "failed to start shim: failed to resolve runtime path";

/**
 * The executable behind a runtime's name, as containerd finds it: an absolute path is taken as it
 * is; otherwise the last two parts of the name make `containerd-shim-<name>-<version>`, looked for
 * on PATH and beside our own executable (ours there first).
 */
export function runtimePath(runtime: string, env: NodeJS.ProcessEnv = process.env): string {
  if (runtime === "") throw unresolved("no runtime name");
  if (isAbsolute(runtime)) {
    if (!isExecutableFile(runtime)) {
      throw unresolved(`invalid custom binary path: stat ${runtime}: no such file or directory`);
    }
    return runtime;
  }
  const name = shimName(runtime);
  if (!name) {
    const rule = "correct runtime name should be either format like `io.containerd.runc.v1`";
    throw unresolved(`invalid runtime name ${runtime}, ${rule} or a full path to the binary`);
  }
  const onPath = (env["PATH"] ?? "").split(":").filter((folder) => isAbsolute(folder));
  const beside = [dirname(binPath(name)), dirname(process.execPath)];
  const folders = name === CATENA_SHIM ? [...beside, ...onPath] : [...onPath, ...beside];
  const found = folders.map((folder) => join(folder, name)).find(isExecutableFile);
  if (found) return found;
  const words = `runtime "${runtime}" binary not installed "${name}": file does not exist`;
  throw failure({
    layer: "containerd",
    op: "runtime.resolve",
    code: "unknown",
    message: `${RESOLVE_WORDS}: ${words}`,
    causeId: "runtime-missing",
    cause: `no executable ${name} on PATH or beside this program`,
    fix: `install ${name}, or name another runtime`,
    evidence: folders.map((folder) => ({ kind: "path", value: "searched", ref: folder })),
  });
}

/** `containerd-shim-runc-v2` for `io.containerd.runc.v2`; undefined for a name of another form. */
export function shimName(runtime: string): string | undefined {
  const parts = runtime.split(".");
  const [name, version] = parts.slice(-2);
  if (parts.length < 2 || !/^[\w-]+$/.test(name ?? "") || !/^[\w-]+$/.test(version ?? "")) {
    return undefined;
  }
  return `containerd-shim-${name}-${version}`;
}

function unresolved(words: string) {
  return failure({
    layer: "containerd",
    op: "runtime.resolve",
    code: "unknown",
    message: `${RESOLVE_WORDS}: ${words}`,
  });
}
