import {
  type FoundContainer,
  findContainers,
  matchContainers,
} from "./discover/find_containers.ts";
import { type Stack, type Survey, surveyHost } from "./discover/find_stacks.ts";
import { collectHost } from "./evidence/collect_host.ts";
import { type DaemonSet, gatherDaemons, gatherFacts } from "./evidence/gather_facts.ts";
import { HostFiles } from "./host/host_files.ts";
import { judgeFacts } from "./judge.ts";
import type { DoctorOptions } from "./options.ts";
import { probeLinks } from "./probe/probe_links.ts";
import { composeReport } from "./report/compose_report.ts";
import type { Report } from "./report/report.ts";

/** What a look at the host gave. */
export interface Examination {
  reports: Report[];
  /** Set when there was nothing to examine. */
  blind?: string;
}

/** How many containers are looked at side by side: their daemons have others to serve. */
const AT_ONCE = 8;

/** Examines one container, or all that run. Never throws for what a patient does. */
export async function examine(options: DoctorOptions): Promise<Examination> {
  const files = new HostFiles();
  const survey = surveyHost(files, options);
  const notSeen = blindSpots();
  const host = collectHost(files);
  const seen: { container: FoundContainer; daemons: DaemonSet }[] = [];
  const stackReports: Report[] = [];
  for (const stack of survey.stacks) {
    const daemons = await gatherDaemons(survey, stack);
    const { containers } = await findContainers(survey, stack);
    for (const container of containers) seen.push({ container, daemons });
    stackReports.push(...daemonReports(survey, stack, daemons, containers, notSeen, options));
  }
  const { container: word } = options;
  const all = seen.map((one) => one.container);
  const wanted = word === undefined ? all.filter((one) => one.running) : matchContainers(all, word);
  if (word !== undefined && wanted.length === 0) return notFound(survey, word, stackReports);
  if (word !== undefined && wanted.length > 1 && new Set(wanted.map((one) => one.id)).size > 1) {
    const where = wanted.map((one) => one.stack.docker?.socket ?? one.stack.containerd?.socket);
    return { reports: [], blind: `${word} is not one container: ${where.join(", ")} (--docker)` };
  }
  const reports: Report[] = word === undefined ? [...stackReports] : [];
  const examineOne = async (container: FoundContainer): Promise<void> => {
    const { daemons } = seen.find((one) => one.container === container)!;
    const facts = await gatherFacts(survey, container, daemons, host, options);
    const untried = word === undefined && !options.probe ? "" : await tryLinks();
    reports.push(composeReport(facts, untried ? [...notSeen, untried] : notSeen));

    /** Probes, unless what was seen already proves a cause: then they could only do harm. */
    async function tryLinks(): Promise<string | undefined> {
      const proved = judgeFacts(facts).proved.some((one) => one.proof.confidence === "certain");
      if (proved && !options.probe) return undefined;
      return probeLinks(files, container, facts, options);
    }
  };
  const queue = word === undefined ? wanted : wanted.slice(0, 1);
  for (let at = 0; at < queue.length; at += AT_ONCE) {
    await Promise.all(queue.slice(at, at + AT_ONCE).map(examineOne));
  }
  return { reports };
}

function blindSpots(): string[] {
  if (process.getuid?.() === 0) return [];
  return ["not root: other users' descriptors, root folders and shims' sockets stay unseen"];
}

/** Daemon-level trouble is worth a report of its own where no container would tell of it. */
function daemonReports(
  _survey: Survey,
  _stack: Stack,
  daemons: DaemonSet,
  containers: FoundContainer[],
  notSeen: string[],
  options: DoctorOptions,
): Report[] {
  if (options.container !== undefined || containers.some((one) => one.running)) return [];
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
  const report = composeReport(facts, notSeen);
  return [{ ...report, container: null }];
}

function notFound(survey: Survey, word: string, stackReports: Report[]): Examination {
  const broken = stackReports.filter((report) => report.cause);
  if (broken.length > 0) return { reports: broken };
  const where = survey.stacks.map(
    (stack) => stack.docker?.socket ?? stack.containerd?.socket ?? "",
  );
  const looked = where.length > 0 ? where.join(", ") : "no Docker or containerd was found";
  return { reports: [], blind: `no container ${word} (looked at: ${looked})` };
}
