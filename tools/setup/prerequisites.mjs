// What a fresh machine lacks, installed by itself: Debian packages and npm dependencies.
// Plain Node without dependencies, since it runs before there are any.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const BUN = join(ROOT, "node_modules/@oven/bun-linux-x64/bin/bun");

/** Needed to build and to run the main job: a file that proves the package, then its name. */
export const BUILD_PACKAGES = [
  ["/usr/bin/gcc", "gcc"],
  ["/usr/include/stdio.h", "libc6-dev"],
  ["/usr/include/seccomp.h", "libseccomp-dev"],
  ["/bin/busybox", "busybox-static"],
];

/** Needed by the swap tests: the genuine neighbours. */
export const TEST_PACKAGES = [
  ["/usr/bin/containerd", "containerd"],
  ["/usr/sbin/runc", "runc"],
  ["/usr/sbin/dockerd", "docker.io"],
  ["/usr/bin/crun", "crun"],
];

/** Runs a command with our stdio. Ends this process when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: "inherit", cwd: ROOT, ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    fail(`${[command, ...args].join(" ")}: ${result.signal ?? `exit code ${result.status}`}`);
  }
}

export function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** Installs the Debian packages of `wanted` that are missing. */
export function ensurePackages(wanted) {
  const missing = wanted.filter(([proof]) => !existsSync(proof)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid() !== 0) fail(`run as root, or install first: ${missing.join(" ")}`);
  console.error(`setup: installing Debian packages ${missing.join(" ")}`);
  // Daemons of these packages must not start: tests use private sockets and folders only.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  run("apt-get", ["update", "-qq"], { env, stdio: ["ignore", "ignore", "inherit"] });
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Installs npm dependencies when node_modules is missing or older than the lock file. */
export function ensureDependencies() {
  const marker = join(ROOT, "node_modules/.package-lock.json");
  const lock = join(ROOT, "package-lock.json");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs && existsSync(BUN))
    return;
  console.error("setup: installing npm dependencies");
  run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
}

export function readJson(path) {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}
