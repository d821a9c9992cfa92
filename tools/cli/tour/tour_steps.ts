import { existsSync } from "node:fs";
import { readSpool } from "#lib/trace/spool.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { readProcess } from "#tools/doctor/host/process_table.ts";
import { type AssembledTrace, assembleTraces, reachedRuntime } from "../trace/assemble_trace.ts";
import { drawTaughtChain, TAUGHT_STEPS } from "./chain_words.ts";
import {
  drawCgroups,
  drawNamespaces,
  drawProcesses,
  findStackProcesses,
} from "./stack_processes.ts";
import { hostPrograms, LEAK_PROGRAM } from "./tour_image.ts";
import type { TourScreen } from "./tour_screen.ts";
import type { TourStage } from "./tour_stage.ts";

/** What a step works with. */
export interface Tour {
  stage: TourStage;
  screen: TourScreen;
}

/** The container of the incident has room for so many processes and threads. */
export const PIDS_LIMIT = 30;
const CALM = "calm";
const FULL = "full";

/** Who calls whom, and by what. */
export async function showChain({ stage, screen }: Tour): Promise<void> {
  await screen.heading("The chain, from a node's agent to execve");
  await screen.say(drawTaughtChain());
  const sockets = ["cri.sock", "docker.sock", "containerd.sock"]
    .map((name) => `${stage.state}/${name}`)
    .filter((path) => existsSync(path));
  await screen.say(
    `\nEach arrow is the field's own protocol, so each link can be entered by itself:\n` +
      sockets.map((path) => `  ${path}`).join("\n"),
  );
}

/** A container, and which processes, cgroups and namespaces it is. */
export async function showContainer(tour: Tour): Promise<void> {
  const { stage, screen } = tour;
  await screen.heading("A container, and who stands behind it");
  const pid = await run(tour, CALM, ["sleep", "100000"]);
  await screen.say(`\n${drawProcesses(findStackProcesses(stage.state, pid))}`);
  await screen.say(
    `A container is no object of the kernel's: it is process ${pid}, in namespaces of its own\n` +
      "and counted in cgroups. The keeper, its parent, holds its streams and its exit status,\n" +
      "so the shim and the daemon may be killed and the container runs on.\n\n" +
      `namespaces of process ${pid}\n${drawNamespaces(pid)}\n\n` +
      `cgroups of process ${pid}\n${drawCgroups(pid)}`,
  );
}

/** One exec with its trace, and what its steps are for. */
export async function showExec({ stage, screen }: Tour): Promise<void> {
  await screen.heading("One exec, step by step");
  const argv = [stage.name(CALM), "sh", "-c", "echo hello from process $$"];
  await screen.command(["catena", "exec", ...argv]);
  await stage.catena("exec", argv);
  const trace = await stage.until("the trace of the exec", () =>
    Promise.resolve(lastExec(stage.state)),
  );
  await screen.command(["catena", "trace", trace.traceId.slice(0, 12)]);
  await stage.catena("trace", [trace.traceId]);
  await screen.say(`\nWhat these steps are for:\n${drawStepWords(trace)}`);
}

/** A thread leak meets its limit: our error, the doctor, the rescue. */
export async function showIncident(tour: Tour): Promise<void> {
  const { stage, screen } = tour;
  await screen.heading(`The incident: a thread leak and a limit of ${PIDS_LIMIT} pids`);
  const pid = await run(tour, FULL, [LEAK_PROGRAM], ["--pids-limit", String(PIDS_LIMIT)]);
  await stage.until("the leak fills its limit", () => filled(pid));
  await screen.say(
    "\nIts program starts threads until the kernel refuses one. Nobody sees anything yet: the\n" +
      "container is Up. Then someone, or a health check, execs into it:",
  );
  const exec = [stage.name(FULL), "true"];
  await screen.command(["catena", "exec", ...exec]);
  const code = await stage.catena("exec", exec);
  await screen.say(`exit code: ${code}`);
  if (code === 0) throw new Error("the exec in the full container did not fail");
  await screen.say(WHY_OURS);
  await screen.command(["catena", "doctor", stage.name(FULL)]);
  await stage.catena("doctor", [stage.name(FULL)]);
  await screen.say("\nTo look at the patient all the same, leave the full cgroup out:");
  const rescue = [stage.name(FULL), "sh", "-c", "grep Threads /proc/1/status"];
  await screen.command(["catena", "exec", "--rescue", ...rescue]);
  await stage.catena("exec", ["--rescue", ...rescue]);
}

const WHY_OURS =
  "\nThe kernel refuses new threads in a full pids cgroup, but never a process that is moved\n" +
  "there. runc starts `runc init`, a Go program, and moves it into the cgroup while Go still\n" +
  "starts threads in it. One that is refused after the move kills init, which has not read yet\n" +
  "what runc sent: so runc's end of the socket reads ECONNRESET, `read init-p: connection\n" +
  "reset by peer`, and the reason is lost. Our init is one C thread. It joins by itself (on v1;\n" +
  "on v2 the kernel clones it into the cgroup, and does refuse that), compares pids.current\n" +
  "with pids.max, leaves when there is no room, and has noted which operation failed in a page\n" +
  "of memory that outlives it.";

/** Whether the leaking program has as many threads as its limit lets it. */
export async function filled(pid: number): Promise<true | undefined> {
  const process = readProcess(new HostFiles(), pid);
  if (!process) throw new Error("the leaking container ended");
  return process.threads >= PIDS_LIMIT || undefined;
}

/** Runs one of the tour's containers and returns its first process. */
async function run(
  { stage, screen }: Tour,
  part: string,
  command: string[],
  flags: string[] = [],
): Promise<number> {
  const name = stage.container(part);
  const binds = hostPrograms().flatMap((bind) => ["-v", bind]);
  const argv = ["-d", "--name", name, "--network", "none", ...flags, ...binds, stage.image];
  await screen.command(["catena", "run", ...argv, ...command]);
  const code = await stage.catena("run", [...argv, ...command]);
  if (code !== 0) throw new Error(`the container ${name} did not start`);
  const { State } = await stage.engine.containerInspect(name, false, {});
  return State.Pid;
}

/** The latest trace of an exec, once its last step is in the spool. */
function lastExec(state: string): AssembledTrace | undefined {
  return assembleTraces(readSpool(state)).findLast(
    (trace) =>
      reachedRuntime(trace) &&
      trace.rows.some(({ span }) => span.layer === "init" && span.name.startsWith("execve")) &&
      trace.rows.some(({ span }) => span.layer === "cli"),
  );
}

/** What is known of the steps that a trace has, a line each. */
function drawStepWords(trace: AssembledTrace): string {
  const has = (link: string, begins: string) =>
    trace.rows.some(({ span }) => span.layer === link && span.name.startsWith(begins));
  return TAUGHT_STEPS.filter(({ link, begins }) => has(link, begins))
    .map(({ link, begins, why }) => `  ${link.padEnd(11)}${begins.padEnd(18)}${why}`)
    .join("\n");
}
