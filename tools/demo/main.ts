import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { writeBusyboxTar } from "./busybox_rootfs.ts";
import { DemoDaemon } from "./demo_daemon.ts";

const IMAGE = "busybox:demo";
const PIDS_LIMIT = 30;
const LEAK_MS = 30_000;
const STEP_MS = 100;

/** What one step prints before it: the command as a person would type it. */
type Catena = (command: string, ...args: string[]) => number;

/** `npm start`: the main job on a busybox image. `--stay` leaves the daemon up afterwards. */
async function main(args: string[]): Promise<void> {
  const stay = args.includes("--stay");
  const daemon = new DemoDaemon();
  try {
    await daemon.start(stay);
    await importImage(daemon);
    const catena: Catena = (command, ...rest) => {
      console.log(`\n$ catena ${[command, ...rest].map(quoted).join(" ")}`);
      return daemon.catena(command, rest);
    };
    console.log(`catena daemon is up, its folders are ${daemon.root} and ${daemon.state}`);
    runAndExec(catena);
    traceExec(catena);
    explainFullContainer(catena, daemon);
  } catch (error) {
    await daemon.remove();
    throw error;
  }
  if (stay) tellHowToStay(daemon);
  else await daemon.remove();
}

/** Compiles the program with the thread leak and imports it with busybox as an image. */
async function importImage(daemon: DemoDaemon): Promise<void> {
  const leak = join(daemon.folder, "thread-leak");
  const source = join(import.meta.dir, "thread_leak.c");
  const compiled = spawnSync("gcc", ["-O2", "-static", "-pthread", "-s", "-o", leak, source], {
    encoding: "utf8",
    env: childEnv(),
  });
  if (compiled.status !== 0) throw new Error(`gcc ${source}: ${compiled.stderr}`);
  const tar = join(daemon.folder, "rootfs.tar");
  await writeBusyboxTar(tar, { "thread-leak": leak });
  expectCode(daemon.catena("import", [tar, IMAGE]), 0, "import");
}

function heading(text: string): void {
  console.log(`\n=== ${text} ===`);
}

function runAndExec(catena: Catena): void {
  heading("1. Run a container, exec a command in it");
  const run = ["-d", "--name", "demo", "--network", "none", IMAGE, "sleep", "100000"];
  expectCode(catena("run", ...run), 0, "run");
  const script = "echo hello from $(hostname), process $$; exit 7";
  const code = catena("exec", "demo", "sh", "-c", script);
  console.log(`exit code: ${code}`);
  expectCode(code, 7, "exec");
}

function traceExec(catena: Catena): void {
  heading("2. Where the time of that exec went");
  expectCode(catena("trace", "--last"), 0, "trace");
}

function explainFullContainer(catena: Catena, daemon: DemoDaemon): void {
  heading(`3. A thread leak fills a container's limit of ${PIDS_LIMIT} pids`);
  const flags = ["--pids-limit", String(PIDS_LIMIT), "--network", "none", IMAGE, "thread-leak"];
  expectCode(catena("run", "-d", "--name", "full", ...flags), 0, "run");
  waitForLeak(daemon);
  const code = catena("exec", "full", "true");
  console.log(`exit code: ${code}`);
  if (code === 0) throw new Error("the exec in the full container did not fail");
  catena("doctor", "full");
  const look = "cat /proc/1/status | grep Threads";
  expectCode(catena("exec", "--rescue", "full", "sh", "-c", look), 0, "exec --rescue");
}

/** The program says so in its log once it cannot start another thread. */
function waitForLeak(daemon: DemoDaemon): void {
  const deadline = Date.now() + LEAK_MS;
  while (!daemon.logs("full").includes("leaked")) {
    if (Date.now() > deadline) throw new Error("the thread leak did not fill its limit");
    Bun.sleepSync(STEP_MS);
  }
}

function tellHowToStay(daemon: DemoDaemon): void {
  console.log(`
The daemon stays up. Use it:
  docker -H unix://${daemon.socket} ps
Remove it:
  kill ${daemon.pid}; ${binPath("catena")} system reset --force \\
    --root ${daemon.root} --state ${daemon.state}; rm -r ${daemon.folder}`);
}

function expectCode(code: number, expected: number, what: string): void {
  if (code !== expected) throw new Error(`${what}: exit code ${code}, expected ${expected}`);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
