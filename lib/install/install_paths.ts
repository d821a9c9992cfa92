import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where host-wide state lies unless a flag or CATENA_STATE says otherwise. */
export const DEFAULT_STATE_DIR = "/run/catena";
export const DEFAULT_ROOT_DIR = "/var/lib/catena";

/** The state folder that processes without a `--state` flag use: runc and shim under foreign parents. */
export function ambientStateDir(env: NodeJS.ProcessEnv = process.env): string {
  const named = env["CATENA_STATE"];
  return named?.startsWith("/") ? named : DEFAULT_STATE_DIR;
}

/**
 * The folder that holds `bin/` and `libexec/`. A compiled executable finds it beside itself
 * (relocatable); sources run by Bun use the checkout's own `dist`.
 */
export function installRoot(): string {
  const beside = resolve(dirname(process.execPath), "..");
  if (existsSync(join(beside, "libexec", "catena-init"))) return beside;
  return resolve(import.meta.dir, "..", "..", "dist");
}

/** Absolute path of an executable of ours: `catena`, `catena-runc`, `containerd-shim-catena-v2`. */
export function binPath(name: string): string {
  return join(installRoot(), "bin", name);
}

/** Absolute path of a native part: `catena-init`, `catena-keeper`, `catena.node`. */
export function libexecPath(name: string): string {
  return join(installRoot(), "libexec", name);
}
