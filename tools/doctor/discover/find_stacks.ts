import { dirname, join } from "node:path";
import type { SeenLevels } from "../evidence/collect_cgroup.ts";
import type { DaemonFacts } from "../facts.ts";
import { type CgroupMounts, readCgroupMounts } from "../host/cgroup_tree.ts";
import type { HostFiles } from "../host/host_files.ts";
import type { MountEntry } from "../host/mount_table.ts";
import { type HostProcess, readProcessTable } from "../host/process_table.ts";
import { findSocketOwner, readListeningSockets } from "../host/unix_sockets.ts";
import type { DoctorOptions } from "../options.ts";
import { type Daemons, type FoundDocker, type FoundShim, findDaemons } from "./find_daemons.ts";

/** One stack of a host: the daemons that hand containers to each other. */
export interface Stack {
  docker?: { socket: string; pid?: number; dataRoot?: string; execRoot?: string };
  containerd?: { socket: string; pid?: number; stateDir: string };
  cri?: { socket: string; pid?: number };
  shims: FoundShim[];
  /** Roots that may hold `<namespace>/<id>/state.json` or `<id>/state.json`. */
  runtimeRoots: string[];
}

/** What was seen of the host once, for all its containers. */
export interface Survey {
  files: HostFiles;
  processes: Map<number, HostProcess>;
  listening: Map<string, string>;
  cgroups: CgroupMounts;
  daemons: Daemons;
  stacks: Stack[];
  /** Shims that were looked at: one may hold many containers. */
  shims: Map<string, DaemonFacts>;
  /** cgroup levels that were read. */
  levels: SeenLevels;
  /** Mounts that do not answer: nothing below them is looked at. */
  silent: MountEntry[];
  /** Who holds a socket, by its inode. */
  owners: Map<string, number | undefined>;
}

/** Where sockets lie when no process and no flag tells: today's paths, then those of 2018. */
const DOCKER_SOCKETS = ["/run/docker.sock", "/var/run/docker.sock"];
const CONTAINERD_SOCKETS = [
  "/run/containerd/containerd.sock",
  "/run/docker/containerd/containerd.sock",
  "/run/docker/containerd/docker-containerd.sock",
  "/var/run/docker/containerd/docker-containerd.sock",
  "/run/k3s/containerd/containerd.sock",
];
const RUNTIME_ROOTS = [
  "/run/docker/runtime-runc",
  "/var/run/docker/runtime-runc",
  "/run/containerd/runc",
];
/** Where runtimes that were started by hand, by podman or by CRI-O keep their state. */
const BARE_ROOTS = ["/run/runc", "/run/crun"];

/** Looks over the host: processes, sockets, and which daemons belong together. */
export function surveyHost(files: HostFiles, options: DoctorOptions): Survey {
  const processes = readProcessTable(files);
  const listening = readListeningSockets(files);
  const daemons = findDaemons(files, processes);
  const cgroups = readCgroupMounts(files);
  const survey: Survey = {
    files,
    processes,
    listening,
    cgroups,
    daemons,
    stacks: [],
    shims: new Map(),
    levels: { pids: new Map(), memory: new Map() },
    silent: [],
    owners: new Map(),
  };
  survey.stacks = named(survey, options) ?? found(survey, options);
  return survey;
}

/** The one stack that flags name, completed by what its daemons' command lines say. */
function named(survey: Survey, options: DoctorOptions): Stack[] | undefined {
  const { dockerSocket, containerdSocket, runtimeRoot, criSocket } = options;
  if (!dockerSocket && !containerdSocket && !runtimeRoot && !criSocket) return undefined;
  const docker = dockerSocket ? dockerBySocket(survey, dockerSocket) : undefined;
  const stack: Stack = { shims: [], runtimeRoots: [] };
  if (dockerSocket) stack.docker = dockerOf(dockerSocket, docker);
  const containerd = containerdSocket ?? docker?.containerd ?? siblingSocket(survey, dockerSocket);
  if (containerd) attachContainerd(survey, stack, containerd);
  if (criSocket) stack.cri = criOf(survey, criSocket);
  if (runtimeRoot) stack.runtimeRoots.push(runtimeRoot);
  if (!stack.docker && !stack.containerd && criSocket) attachContainerd(survey, stack, criSocket);
  if (stack.docker || stack.containerd) addRuntimeRoots(stack, docker);
  addCri(survey, [stack]);
  return [stack];
}

/** A Docker that is down leaves no command line; ours keeps both sockets in one folder. */
function siblingSocket(survey: Survey, dockerSocket: string | undefined): string | undefined {
  if (!dockerSocket) return undefined;
  const sibling = join(dirname(dockerSocket), "containerd.sock");
  return survey.files.exists(sibling) ? sibling : undefined;
}

function found(survey: Survey, options: DoctorOptions): Stack[] {
  const stacks: Stack[] = [];
  for (const docker of survey.daemons.dockers) {
    const stack: Stack = {
      docker: dockerOf(docker.sockets[0]!, docker),
      shims: [],
      runtimeRoots: [],
    };
    attachContainerd(survey, stack, docker.containerd);
    addRuntimeRoots(stack, docker);
    stacks.push(stack);
  }
  const known = () => new Set(stacks.map((stack) => real(survey, stack.containerd?.socket ?? "")));
  const lone = survey.daemons.containerds.map((daemon) => daemon.socket);
  const shims = survey.daemons.shims.map((shim) => shim.containerd);
  const usual = [...CONTAINERD_SOCKETS, join(options.stateDir, "containerd.sock")];
  const present = usual.filter((path) => survey.files.exists(path));
  for (const socket of new Set([...lone, ...shims, ...present])) {
    if (socket === "" || known().has(real(survey, socket))) continue;
    const stack: Stack = { shims: [], runtimeRoots: [] };
    attachContainerd(survey, stack, socket);
    addRuntimeRoots(stack, undefined);
    stacks.push(stack);
  }
  adoptDeadDocker(survey, options, stacks);
  addCri(survey, stacks);
  stacks.push(bareStack(survey));
  return stacks;
}

/** Containers that no daemon holds: of podman, of CRI-O, of a runtime that was started by hand. */
function bareStack(survey: Survey): Stack {
  const { monitors } = survey.daemons;
  const roots = new Set(BARE_ROOTS);
  for (const { runtimeRoot } of monitors) if (runtimeRoot) roots.add(runtimeRoot);
  const stack: Stack = { shims: monitors, runtimeRoots: [...roots] };
  const crio = survey.daemons.cris.find((one) => one.socket.endsWith("crio.sock"));
  if (crio) stack.cri = crio;
  return stack;
}

/** The stack behind each CRI socket: containerd's own, or Docker behind a shim for it. */
function addCri(survey: Survey, stacks: Stack[]): void {
  for (const cri of survey.daemons.cris) {
    if (cri.socket.endsWith("crio.sock")) continue;
    const own = stacks.find((one) => same(survey, one.containerd?.socket ?? "", cri.socket));
    const host = own ?? stacks.find((stack) => stack.docker !== undefined);
    if (host) host.cri ??= criOf(survey, cri.socket);
  }
  // Without a kubelet in sight, a containerd that holds its containers serves CRI by itself.
  for (const stack of stacks) {
    if (!stack.containerd) continue;
    const serves = stack.shims.some((shim) => shim.namespace === "k8s.io");
    if (serves) stack.cri ??= criOf(survey, stack.containerd.socket);
  }
}

function criOf(survey: Survey, socket: string): NonNullable<Stack["cri"]> {
  const pid = survey.daemons.containerds.find((one) => same(survey, one.socket, socket))?.pid;
  const owner = pid ?? ownerOf(survey, socket);
  return { socket, ...(owner !== undefined && { pid: owner }) };
}

/** A Docker socket without a process: its daemon died; its containers' shims may still run. */
function adoptDeadDocker(survey: Survey, options: DoctorOptions, stacks: Stack[]): void {
  const usual = [join(options.stateDir, "docker.sock"), ...DOCKER_SOCKETS];
  const used = new Set(stacks.map((stack) => real(survey, stack.docker?.socket ?? "")));
  for (const socket of usual) {
    if (!survey.files.exists(socket) || used.has(real(survey, socket))) continue;
    used.add(real(survey, socket));
    const sibling = join(dirname(socket), "containerd.sock");
    const host = stacks.find((stack) => !stack.docker && stack.containerd?.socket === sibling);
    const docker = { socket, dataRoot: "/var/lib/docker", execRoot: "/run/docker" };
    if (host) host.docker = docker;
    else stacks.push({ docker, shims: [], runtimeRoots: [...RUNTIME_ROOTS, ...BARE_ROOTS] });
  }
}

function dockerOf(socket: string, docker: FoundDocker | undefined): NonNullable<Stack["docker"]> {
  if (!docker) return { socket };
  return { socket, pid: docker.pid, dataRoot: docker.dataRoot, execRoot: docker.execRoot };
}

function attachContainerd(survey: Survey, stack: Stack, socket: string): void {
  const daemon = survey.daemons.containerds.find((one) => same(survey, one.socket, socket));
  stack.shims = survey.daemons.shims.filter((shim) => same(survey, shim.containerd, socket));
  const bundle = stack.shims.find((shim) => shim.bundle)?.bundle;
  const stateDir =
    daemon?.stateDir ?? (bundle ? dirname(dirname(dirname(bundle))) : dirname(socket));
  const pid = daemon?.pid ?? ownerOf(survey, socket);
  stack.containerd = { socket, stateDir, ...(pid !== undefined && { pid }) };
}

function addRuntimeRoots(stack: Stack, docker: FoundDocker | undefined): void {
  const roots = new Set(stack.runtimeRoots);
  if (docker) roots.add(join(docker.execRoot, "runtime-runc"));
  for (const shim of stack.shims) if (shim.runtimeRoot) roots.add(shim.runtimeRoot);
  if (stack.containerd) roots.add(join(stack.containerd.stateDir, "runc"));
  for (const root of [...RUNTIME_ROOTS, ...BARE_ROOTS]) roots.add(root);
  stack.runtimeRoots = [...roots];
}

function dockerBySocket(survey: Survey, socket: string): FoundDocker | undefined {
  const byFlag = survey.daemons.dockers.find((one) =>
    one.sockets.some((path) => same(survey, path, socket)),
  );
  if (byFlag) return byFlag;
  const pid = ownerOf(survey, socket);
  return survey.daemons.dockers.find((one) => one.pid === pid);
}

function ownerOf(survey: Survey, socket: string): number | undefined {
  const inode = survey.listening.get(socket);
  if (inode === undefined) return undefined;
  return findSocketOwner(survey.files, survey.processes.keys(), inode);
}

function same(survey: Survey, left: string, right: string): boolean {
  return left === right || real(survey, left) === real(survey, right);
}

/** /var/run is a link to /run on every current distribution; one socket must not count twice. */
function real(survey: Survey, path: string): string {
  const rest = path.startsWith("/var/run/") ? path.slice("/var/run/".length) : undefined;
  return rest !== undefined && survey.files.link("/var/run") !== undefined ? `/run/${rest}` : path;
}
