// What a fresh machine lacks, installed by itself: Debian packages and npm dependencies.
// Plain Node without dependencies, since it runs before there are any.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** The binaries' own packages; npm installs those of the processor that it runs on. */
const BINARIES = {
  x64: { bun: "bun-linux-x64", biome: "cli-linux-x64", buf: "buf-linux-x64" },
  arm64: { bun: "bun-linux-aarch64", biome: "cli-linux-arm64", buf: "buf-linux-aarch64" },
};
const binaries = BINARIES[process.arch] ?? BINARIES.x64;

export const BUN = join(ROOT, `node_modules/@oven/${binaries.bun}/bin/bun`);
export const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
export const BIOME = join(ROOT, `node_modules/@biomejs/${binaries.biome}/biome`);
export const BUF = join(ROOT, `node_modules/@bufbuild/${binaries.buf}/bin/buf`);

/** Needed to build and to run the main job: a file that proves the package, then its name. */
export const BUILD_PACKAGES = [
  ["/usr/bin/gcc", "gcc"],
  ["/usr/include/stdio.h", "libc6-dev"],
  ["/usr/bin/musl-gcc", "musl-tools"],
  ["/usr/include/seccomp.h", "libseccomp-dev"],
  ["/bin/busybox", "busybox-static"],
];

/** Needed by the tests and the benchmark: the genuine neighbours. */
export const TEST_PACKAGES = [
  ["/usr/bin/containerd", "containerd"],
  ["/usr/sbin/runc", "runc"],
  ["/usr/sbin/dockerd", "docker.io"],
  ["/usr/bin/crun", "crun"],
  ["/usr/bin/newuidmap", "uidmap"],
  ["/usr/bin/tar", "tar"],
  ["/usr/bin/docker-registry", "docker-registry"],
  ["/usr/bin/git", "git"],
  ["/usr/bin/skopeo", "skopeo"],
  ["/usr/bin/docker-compose", "docker-compose"],
  ["/usr/lib/cni/bridge", "containernetworking-plugins"],
  ["/usr/sbin/iptables", "iptables"],
  ["/usr/bin/ip", "iproute2"],
];

/** Needed by the dashboard's tests; large, so that a machine may do without. */
export const BROWSER_PACKAGES = [["/usr/bin/chromium", "chromium"]];

const POLICY = "/usr/sbin/policy-rc.d";
const SAVED_POLICY = `${POLICY}.saved-by-catena`;
const OWN_POLICY =
  "#!/bin/sh\n# Catena's set-up installs packages whose daemons must not start.\nexit 101\n";

/** Ends the set-up with a message for the person who called it. */
export class SetupError extends Error {}

/** Gives the set-up up with a message. */
export function fail(message) {
  throw new SetupError(message);
}

/**
 * Runs a program of the set-up: a SetupError becomes one line and exit code 1, anything else is a
 * bug and shows its stack.
 */
export async function runMain(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof SetupError ? `setup: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Runs a command in the checkout with our stdio. Throws a SetupError when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: "inherit", cwd: ROOT, ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    fail(`${[command, ...args].join(" ")}: ${result.signal ?? `exit code ${result.status}`}`);
  }
}

/** Installs the Debian packages of `wanted` that are missing. */
export function ensurePackages(wanted) {
  const missing = wanted.filter(([proof]) => !existsSync(proof)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid() !== 0) fail(`run as root, or install first: ${missing.join(" ")}`);
  if (!existsSync("/usr/bin/apt-get")) {
    fail(`this is no Debian: install what it calls ${missing.join(" ")}, then come back`);
  }
  console.error(`setup: installing Debian packages ${missing.join(" ")}`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
  };
  run("apt-get", ["update", "-qq"], options);
  withoutDaemonStarts(() =>
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], options),
  );
  const absent = wanted.filter(([proof]) => !existsSync(proof)).map(([proof]) => proof);
  if (absent.length > 0) fail(`the packages are installed but did not bring ${absent.join(" ")}`);
}

/** The same for what tests can do without: they say what they skip. */
export function tryPackages(wanted) {
  try {
    ensurePackages(wanted);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup: going on without: ${error.message}`);
  }
}

/**
 * Debian starts a package's daemons when it is installed. The tests use private sockets and folders
 * only, so for the duration a policy says no; the machine's own policy comes back afterwards.
 */
function withoutDaemonStarts(work) {
  if (existsSync(POLICY) && !existsSync(SAVED_POLICY)) renameSync(POLICY, SAVED_POLICY);
  writeFileSync(POLICY, OWN_POLICY, { mode: 0o755 });
  try {
    work();
  } finally {
    if (existsSync(SAVED_POLICY)) renameSync(SAVED_POLICY, POLICY);
    else rmSync(POLICY, { force: true });
  }
}

/** Installs npm dependencies when node_modules does not hold what the lock file says. */
export function ensureDependencies() {
  if (existsSync(BUN) && installedAsLocked()) return;
  console.error("setup: installing npm dependencies");
  run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
}

function installedAsLocked() {
  const installed = readPackages("node_modules/.package-lock.json");
  if (!installed) return false;
  return Object.entries(readPackages("package-lock.json")).every(([name, entry]) => {
    if (name === "" || (entry.optional && !installed[name])) return true;
    return installed[name]?.version === entry.version;
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(join(ROOT, path), "utf8")).packages;
  } catch {
    return undefined;
  }
}
