import { kernelLogWith } from "#lib/linux/kernel_log.ts";
import { SIGKILL_EXIT } from "../causes/memory_words.ts";
import type { FoundContainer } from "../discover/find_containers.ts";
import type { Survey } from "../discover/find_stacks.ts";
import type {
  DockerFacts,
  ExecFacts,
  Facts,
  HostFacts,
  InitFacts,
  ProgramFacts,
} from "../facts.ts";
import { LayeredFiles } from "../host/layered_files.ts";
import { findPortHolders } from "../host/listening_ports.ts";
import { readProcess } from "../host/process_table.ts";
import { judgeFacts } from "../judge.ts";
import type { DoctorOptions } from "../options.ts";
import { collectCgroup } from "./collect_cgroup.ts";
import { collectHistory, inspectContainer } from "./collect_docker.ts";
import { collectInit } from "./collect_init.ts";
import { collectProgram } from "./collect_program.ts";
import { collectRuntime } from "./collect_runtime.ts";
import { collectSecurity } from "./collect_security.ts";
import { collectShim } from "./collect_shim.ts";
import { collectSilentMounts } from "./collect_silent_mounts.ts";
import type { DaemonSet } from "./gather_daemons.ts";

/**
 * All passive evidence about one container. Asks no link anything that could block it. `brief`
 * leaves out what Docker would say of a container that it lists as running well: a host may hold
 * hundreds. If it is not well after all, Docker is asked.
 */
export async function gatherFacts(
  survey: Survey,
  container: FoundContainer,
  daemons: DaemonSet,
  host: HostFacts,
  options: DoctorOptions,
  brief = false,
): Promise<Facts> {
  const { files, processes, cgroups } = survey;
  const facts: Facts = {
    id: container.id,
    namespace: container.namespace,
    nowMs: Date.now(),
    host,
    execs: [],
    ends: [],
    probes: [],
  };
  if (container.name !== undefined) facts.name = container.name;
  if (daemons.cri && (options.criSocket !== undefined || isOfKubelet(container))) {
    facts.cri = daemons.cri;
  }
  if (daemons.containerd) facts.containerd = daemons.containerd;
  const unasked = brief && container.quiet === true && !hasExecs(container, daemons);
  if (container.docker && daemons.docker) {
    if (unasked) facts.docker = { ...daemons.docker };
    else await addDocker(survey, facts, daemons.docker);
  }
  const shim = collectShim(survey, cgroups, container);
  if (shim) facts.shim = shim;
  facts.runtime = collectRuntime(files, container, shim?.pid, dockerRuntime(facts));
  const init = chooseInit(survey, container, facts);
  if (init) facts.init = init;
  const living = init?.alive ? init.pid : undefined;
  facts.cgroup = collectCgroup(
    files,
    cgroups,
    processes,
    living,
    facts.runtime.cgroupPaths,
    survey.levels,
  );
  const keeper = living === undefined ? undefined : keeperOf(survey, living);
  if (keeper) facts.keeper = keeper;
  facts.security = collectSecurity(files, facts);
  facts.silentMounts = collectSilentMounts(survey, container, facts);
  addPrograms(survey, facts, options);
  const well = judgeFacts(facts).proved.length === 0 && facts.init?.alive;
  if (!unasked || well) return facts;
  return gatherFacts(survey, container, daemons, host, options);
}

/** The kernel counts from the boot by a clock that is not set: it drifts from ours. */
const CLOCK_SLACK_MS = 1000;

/** Its name as the kernel cuts it. */
const KEEPER = /^catena-keeper/;

function keeperOf({ processes, files }: Survey, initPid: number): Facts["keeper"] {
  const parent = processes.get(processes.get(initPid)?.ppid ?? 0);
  if (!parent || !KEEPER.test(parent.comm)) return undefined;
  const now = readProcess(files, parent.pid);
  return now && { pid: now.pid, state: now.state };
}

/** Somebody tried an exec in it: whether that failed, only Docker knows. */
function hasExecs({ id }: FoundContainer, { docker }: DaemonSet): boolean {
  return docker?.events?.some((one) => one.id === id && one.attributes["execID"]) === true;
}

/** Containers of a CRI: in containerd's namespace for it, or by the names that dockershims give. */
function isOfKubelet({ namespace, name, stack }: FoundContainer): boolean {
  const daemonless = !stack.docker && !stack.containerd;
  return namespace === "k8s.io" || daemonless || name?.startsWith("k8s_") === true;
}

function dockerRuntime(facts: Facts): string | undefined {
  const name = facts.docker?.inspect?.runtime;
  return name === undefined ? undefined : facts.docker?.runtimes?.get(name);
}

async function addDocker(survey: Survey, facts: Facts, daemon: DockerFacts): Promise<void> {
  facts.docker = { ...daemon };
  if (!daemon.answer?.ok || daemon.socket === undefined) return;
  const inspect = await inspectContainer(daemon.socket, facts.id);
  if (!inspect) return;
  facts.docker.inspect = inspect;
  const sources = inspect.binds.map((bind) => bind.source).filter((path) => path.startsWith("/"));
  facts.docker.missingBinds = sources.filter(
    (path) => survey.files.stat(path) === undefined && !survey.files.denied(path),
  );
  facts.name = inspect.name;
  if (!inspect.running) {
    const pids = survey.processes.keys();
    facts.docker.portHolders = findPortHolders(survey.files, pids, inspect.ports);
  }
  if (inspect.exitCode === SIGKILL_EXIT && !inspect.running && !inspect.oomKilled) {
    // Docker misses a kill now and then: its cgroup is gone before it is asked.
    const started = Date.parse(inspect.startedAt) - CLOCK_SLACK_MS;
    const records = kernelLogWith(facts.id, started).filter((line) => line.includes("oom-kill"));
    facts.docker.oomLog = records.slice(-2);
  }
  const { socket, events = [], log } = daemon;
  const history = await collectHistory(socket, facts.id, events, log?.lines ?? []);
  facts.execs = history.execs;
  facts.ends = history.ends;
}

/**
 * The first process, as state.json names it. Where that is lost or names nobody, the bundle or
 * Docker may name one that is alive; it must be in a cgroup of this container, for a process id
 * that was noted long ago may be somebody else's by now.
 */
function chooseInit(
  survey: Survey,
  container: FoundContainer,
  facts: Facts,
): InitFacts | undefined {
  const { files, processes } = survey;
  const { initPid, initStartTicks } = facts.runtime ?? {};
  const told =
    initPid === undefined ? undefined : collectInit(files, processes, initPid, initStartTicks);
  if (told?.alive) return told;
  for (const pid of [bundleInitPid(survey, container), runningPid(facts)]) {
    if (pid === undefined || !belongsTo(survey, pid, container.id)) continue;
    const other = collectInit(files, processes, pid, undefined);
    if (!other.alive) continue;
    if (facts.runtime && told) facts.runtime.stateNames = told.pid;
    return other;
  }
  return told;
}

function belongsTo(survey: Survey, pid: number, id: string): boolean {
  return (survey.files.read(`/proc/${pid}/cgroup`, 65536) ?? "").includes(id);
}

/** The runtime wrote it beside config.json; it survives the loss of state.json. */
function bundleInitPid(survey: Survey, container: FoundContainer): number | undefined {
  if (!container.bundle) return undefined;
  const pid = Number(survey.files.read(`${container.bundle}/init.pid`, 32)?.trim());
  return pid > 0 ? pid : undefined;
}

function runningPid(facts: Facts): number | undefined {
  const pid = facts.docker?.inspect?.pid;
  return pid !== undefined && pid > 0 ? pid : undefined;
}

/** Looks up the programs of failed execs, of a failed start, and the one that was asked about. */
function addPrograms(survey: Survey, facts: Facts, options: DoctorOptions): void {
  if (facts.init?.alive && !facts.init.mountsSeen) return;
  const rootfs = facts.init?.alive ? facts.init.rootfs : undefined;
  const inspect = facts.docker?.inspect;
  const env = inspect?.env ?? [];
  if (!rootfs) {
    addStartProgram(survey, facts);
    return;
  }
  for (const exec of facts.execs) {
    // A runtime may count a refused execve as the program's own end: those are looked up too.
    if (exec.running || exec.exitCode === 0 || exec.argv.length === 0) continue;
    exec.program = lookUp(survey, rootfs, exec, env, cwdOf(exec));
  }
  if (options.program.length > 0) {
    facts.asked = collectProgram(survey.files, rootfs, {
      argv: options.program,
      user: options.user ?? inspect?.user ?? "",
      tty: false,
      env,
      ...((options.workdir ?? inspect?.workingDir) && {
        cwd: (options.workdir ?? inspect?.workingDir)!,
      }),
    });
  }
}

/** A container that never ran has no mounted rootfs: its program is looked up in its layers. */
function addStartProgram(survey: Survey, facts: Facts): void {
  const inspect = facts.docker?.inspect;
  if (inspect?.status !== "created" || inspect.error === "") return;
  const layers = [...(inspect.upperDir ? [inspect.upperDir] : []), ...inspect.lowerDirs];
  if (layers.length === 0) return;
  const request = {
    argv: [inspect.path, ...inspect.args],
    user: inspect.user,
    tty: false,
    env: inspect.env,
  };
  facts.startProgram = collectProgram(new LayeredFiles(layers, survey.files), "", request);
}

function lookUp(
  survey: Survey,
  rootfs: string,
  exec: ExecFacts,
  env: string[],
  cwd: string | undefined,
): ProgramFacts {
  const request = { argv: exec.argv, user: exec.user, tty: exec.tty, env };
  return collectProgram(survey.files, rootfs, cwd === undefined ? request : { ...request, cwd });
}

/** Docker tells an exec's folder nowhere but in the failure that names it. */
function cwdOf(exec: ExecFacts): string | undefined {
  return exec.logged?.match(/chdir to cwd \("([^"]+)"\)/)?.[1];
}
