/** Where host-wide state lies unless a flag or CATENA_STATE says otherwise. */
export const DEFAULT_STATE_DIR = "/run/catena";
export const DEFAULT_ROOT_DIR = "/var/lib/catena";

/** The state folder of processes without a `--state` flag: runc and shim under foreign parents. */
export function ambientStateDir(env: NodeJS.ProcessEnv = process.env): string {
  const named = env["CATENA_STATE"];
  return named?.startsWith("/") ? named : DEFAULT_STATE_DIR;
}

/** What Bun calls the folder of modules inside a compiled executable. */
const COMPILED = "/$bunfs/";

/**
 * The folder that holds `bin/` and `libexec/`. A compiled executable finds it beside itself
 * (relocatable); sources run by Bun use the checkout's own `dist`. Takes no module but this one:
 * it is on the way of every start.
 */
export function installRoot(): string {
  return import.meta.dir.startsWith(COMPILED)
    ? upwards(process.execPath, 2)
    : `${upwards(import.meta.dir, 2)}/dist`;
}

/** An absolute path without its last `levels` parts. */
function upwards(path: string, levels: number): string {
  let out = path;
  for (let i = 0; i < levels; i++) out = out.slice(0, out.lastIndexOf("/"));
  return out;
}

/** Absolute path of an executable of ours: `catena`, `catena-runc`, `containerd-shim-catena-v2`. */
export function binPath(name: string): string {
  return `${installRoot()}/bin/${name}`;
}

/** Absolute path of a native part: `catena-init`, `catena-keeper`, `catena.node`. */
export function libexecPath(name: string): string {
  return `${installRoot()}/libexec/${name}`;
}

/** Absolute path of what is neither a program nor a library: the dashboard's page. */
export function sharePath(name: string): string {
  return `${installRoot()}/share/${name}`;
}
