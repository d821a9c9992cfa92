import { setTimeout as sleep } from "node:timers/promises";
import {
  type FoundContainer,
  findContainers,
  matchContainers,
} from "./discover/find_containers.ts";
import { findByExec } from "./discover/find_exec.ts";
import { type Stack, type Survey, surveyHost } from "./discover/find_stacks.ts";
import { blindSpots } from "./evidence/blind_spots.ts";
import { collectHost } from "./evidence/collect_host.ts";
import { findLeaks } from "./evidence/find_leaks.ts";
import { type DaemonSet, gatherDaemons } from "./evidence/gather_daemons.ts";
import { gatherFacts } from "./evidence/gather_facts.ts";
import type { Facts } from "./facts.ts";
import { foreseeGrowth } from "./forecast/foresee_growth.ts";
import { HostFiles } from "./host/host_files.ts";
import { measurePace } from "./host/host_pace.ts";
import { findSilentMounts } from "./host/silent_mounts.ts";
import { judgeFacts } from "./judge.ts";
import type { DoctorOptions } from "./options.ts";
import { probeLinks } from "./probe/probe_links.ts";
import { composeReport } from "./report/compose_report.ts";
import type { Report } from "./report/report.ts";

/** What a look at the host gave. */
export interface Examination {
  reports: Report[];
  /** What of the host itself will fail next, or was left behind on it. */
  warnings: string[];
  /** Arguments of programs as reports may tell them: a bundle leaves them out. */
  commandLines?: string[];
  /** Set when there was nothing to examine. */
  blind?: string;
}

/** A stack of the host with what its daemons showed and which containers it holds. */
interface SeenStack {
  stack: Stack;
  daemons: DaemonSet;
  containers: FoundContainer[];
}

/** How many containers are looked at side by side: their daemons have others to serve. */
const AT_ONCE = 8;

/** Examines one container, or all that run. Never throws for what a patient does. */
export async function examine(options: DoctorOptions): Promise<Examination> {
  await measurePace();
  const { survey, seen } = await lookAtHost(options);
  const notSeen = blindSpots(
    survey,
    seen.flatMap(({ daemons: { cri, docker, containerd } }) =>
      [cri, docker, containerd].filter((one) => one !== undefined),
    ),
  );
  const { container: word } = options;
  const stackReports = seen.flatMap((one) => daemonReports(one, notSeen, word));
  const all = seen.flatMap((one) => one.containers);
  const wanted =
    word === undefined ? all.filter((one) => one.running) : await choose(seen, all, word, options);
  if (word !== undefined && wanted.length === 0) return notFound(seen, word, stackReports, notSeen);
  if (word !== undefined && wanted.length > 1) {
    return {
      reports: [],
      warnings: [],
      blind: `${word} is not one container: ${whichOnes(wanted)}`,
    };
  }
  if (word === undefined && wanted.length === 0 && seen.some(hasDaemons) && seen.every(isShut)) {
    return { reports: [], warnings: [], blind: `no daemon may be asked: ${notSeen.join("; ")}` };
  }
  const found = await gatherAll(survey, seen, wanted, options);
  const patients = word === undefined ? await confirmYoung(survey, found, options) : found;
  const reports: Report[] = word === undefined ? [...stackReports] : [];
  // Before any probe: a probe's own processes must not be taken for growth.
  const growing = await foreseeGrowth(
    survey.files,
    patients.map((one) => one.facts),
    options,
  );
  for (const { container, facts } of patients) {
    const untried =
      word === undefined ? undefined : await tryLinks(survey.files, container, facts, options);
    const hidden = [...notSeen, ...(untried ? [untried] : []), ...notLookedUp(facts, options)];
    reports.push(composeReport(facts, hidden, growing.get(facts)));
  }
  const silent = survey.silent.map(
    ({ point, type, source }) => `${point} (${type} of ${source}) does not answer`,
  );
  const left = word === undefined ? findLeaks(survey, all) : [];
  return {
    reports,
    warnings: [...silent, ...left],
    commandLines: patients.flatMap((one) => commandLinesOf(one.facts)),
  };
}

function commandLinesOf({ docker, execs, asked }: Facts): string[] {
  const { args = [], healthcheck } = docker?.inspect ?? {};
  const all = [args, healthcheck?.test.slice(1) ?? [], asked?.argv.slice(1) ?? []];
  for (const exec of execs) all.push(exec.argv.slice(1));
  return all.map((words) => words.join(" ")).filter((line) => line !== "");
}

interface Patient {
  container: FoundContainer;
  facts: Facts;
}

async function lookAtHost(options: DoctorOptions): Promise<{ survey: Survey; seen: SeenStack[] }> {
  const files = new HostFiles();
  const silent = await findSilentMounts(files);
  files.avoid(silent.map((mount) => mount.point));
  const survey = surveyHost(files, options);
  survey.silent = silent;
  // Side by side: each stack may hold a silent daemon that takes its whole time limit.
  const seen = await Promise.all(
    survey.stacks.map((stack) => lookAtStack(survey, stack, options.namespace)),
  );
  return { survey, seen };
}

/** The facts of all these containers; briefly, unless one is asked for by name. */
async function gatherAll(
  survey: Survey,
  seen: SeenStack[],
  wanted: FoundContainer[],
  options: DoctorOptions,
): Promise<Patient[]> {
  const host = collectHost(survey.files);
  const brief = options.container === undefined;
  const out: Patient[] = [];
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    const some = wanted.slice(at, at + AT_ONCE).map(async (container) => {
      const { daemons } = seen.find((one) => one.stack === container.stack)!;
      const facts = await gatherFacts(survey, container, daemons, host, options, brief);
      return { container, facts };
    });
    out.push(...(await Promise.all(some)));
  }
  return out;
}

/** Who starts or ends at this moment looks ill for it; longer ones are what they are. */
const YOUNG_MS = 10_000;
const SECOND_LOOK_MS = 500;

/** Looks a second time at containers that are young or gone meanwhile before it calls them ill. */
async function confirmYoung(
  survey: Survey,
  patients: Patient[],
  options: DoctorOptions,
): Promise<Patient[]> {
  const doubtful = patients.filter(({ container: { bundle }, facts }) => {
    const made = bundle === undefined ? undefined : survey.files.stat(bundle)?.mtimeMs;
    if (made !== undefined && Date.now() - made > YOUNG_MS) return false;
    return judgeFacts(facts).proved.length > 0 || facts.init?.alive !== true;
  });
  if (doubtful.length === 0) return patients;
  await sleep(SECOND_LOOK_MS);
  const second = await lookAtHost(options);
  const again = second.seen
    .flatMap((one) => one.containers)
    .filter((one) => one.running && doubtful.some(({ container }) => container.id === one.id));
  const firm = patients.filter((one) => !doubtful.includes(one));
  return [...firm, ...(await gatherAll(second.survey, second.seen, again, options))];
}

function notLookedUp({ asked, init }: Facts, { program }: DoctorOptions): string[] {
  if (program.length === 0 || asked) return [];
  const why = init?.alive ? "its root folder cannot be read" : "the container does not run";
  return [`${program[0]} was not looked up: ${why}`];
}

function hasDaemons({ daemons }: SeenStack): boolean {
  return (daemons.docker ?? daemons.containerd ?? daemons.cri) !== undefined;
}

/** None of its daemons lets us ask: that nothing was found there means nothing. */
function isShut({ daemons }: SeenStack): boolean {
  const { docker, containerd, cri } = daemons;
  return [docker, containerd, cri].every((one) => one === undefined || one.answer?.denied);
}

/** Who names a Docker means its containers, whatever else its containerd holds by that name. */
async function choose(
  seen: SeenStack[],
  all: FoundContainer[],
  word: string,
  options: DoctorOptions,
): Promise<FoundContainer[]> {
  const found = matchContainers(all, word);
  if (found.length === 0) {
    const answering = seen.filter(({ daemons }) => daemons.docker?.answer?.ok);
    const stacks = answering.map((one) => one.stack);
    const byExec = await findByExec(stacks, all, word);
    return byExec ? [byExec] : [];
  }
  const known = found.filter((one) => one.docker);
  return options.dockerSocket !== undefined && known.length > 0 ? known : found;
}

async function lookAtStack(
  survey: Survey,
  stack: Stack,
  namespace: string | undefined,
): Promise<SeenStack> {
  const daemons = await gatherDaemons(survey, stack);
  const all = await findContainers(survey, stack, daemons.docker?.answer?.ok);
  const containers = all.filter((one) => namespace === undefined || one.namespace === namespace);
  return { stack, daemons, containers };
}

/** Probes, unless what was seen already proves a cause: then they could only do harm. */
async function tryLinks(
  files: HostFiles,
  container: FoundContainer,
  facts: Facts,
  options: DoctorOptions,
): Promise<string | undefined> {
  const proved = judgeFacts(facts).proved.some((one) => one.proof.confidence === "certain");
  if (proved && !options.probe) return undefined;
  return probeLinks(files, container, facts, options);
}

/** Daemon-level trouble is worth a report of its own where no container would tell of it. */
function daemonReports(
  { stack, daemons, containers }: SeenStack,
  notSeen: string[],
  word: string | undefined,
): Report[] {
  const daemonless = !stack.docker && !stack.containerd && !stack.cri;
  if (daemonless || containers.some((one) => one.running)) return [];
  const facts = {
    // No container: rules that need one have nothing to say.
    id: "",
    nowMs: Date.now(),
    host: collectHost(new HostFiles()),
    execs: [],
    ends: [],
    probes: [],
    ...daemons,
  };
  const report: Report = { ...composeReport(facts, notSeen), container: null };
  return word === undefined || !report.healthy ? [report] : [];
}

function notFound(seen: SeenStack[], word: string, sick: Report[], notSeen: string[]): Examination {
  const broken = sick.filter((report) => report.cause);
  if (broken.length > 0) return { reports: broken, warnings: [] };
  const where = seen.map(({ stack }) => stackName(stack)).filter((name) => name !== undefined);
  const looked = where.length > 0 ? where.join(", ") : "no Docker or containerd was found";
  const hidden = notSeen.length > 0 ? `; not seen: ${notSeen.join("; ")}` : "";
  return {
    reports: [],
    warnings: [],
    blind: `no container ${word} (looked at: ${looked}${hidden})`,
  };
}

function stackName(stack: Stack): string | undefined {
  return stack.docker?.socket ?? stack.containerd?.socket ?? stack.runtimeRoots.at(0);
}

/** The flags by which each of several containers can be chosen. */
function whichOnes(found: FoundContainer[]): string {
  return found
    .map(({ stack, namespace, docker, id }) => {
      const { docker: engine, containerd } = stack;
      if (docker && engine) return `--docker ${engine.socket} ${id.slice(0, 12)}`;
      if (containerd) return `--containerd ${containerd.socket} -n ${namespace} ${id}`;
      return `--runtime-root ${stack.runtimeRoots.at(0)} ${id}`;
    })
    .join(" or ");
}
