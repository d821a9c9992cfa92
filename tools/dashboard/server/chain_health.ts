import { type Stack, surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { type DaemonSet, gatherDaemons } from "#tools/doctor/evidence/gather_daemons.ts";
import type { DaemonFacts } from "#tools/doctor/facts.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { type HostProcess, readProcess } from "#tools/doctor/host/process_table.ts";
import type { LinkHealth, StackHealth } from "../model.ts";

type LinkFigures = Map<string, { medianMs: number; failures: number }>;

/** Stacks of one host that are drawn. */
const MAX_STACKS = 8;
/** States of a process that answers nobody: stopped, traced, waiting for a device or a disk. */
const HELD = new Set(["T", "t", "D"]);

/**
 * Looks at every stack of the host: asks each daemon one question that cannot harm it, and looks at
 * its shims' processes. `figures` are our own traces', which only our own stack leaves.
 */
export async function chainHealth(stateDir: string, figures: LinkFigures): Promise<StackHealth[]> {
  const files = new HostFiles();
  const options = { stateDir, program: [], probe: false, readOnly: true };
  const survey = surveyHost(files, options);
  const drawn = survey.stacks.filter(hasProcesses);
  const ours = drawn.filter((stack) => isOurs(stack, stateDir));
  const others = drawn.filter((stack) => !isOurs(stack, stateDir));
  const stacks = [...ours, ...others].slice(0, MAX_STACKS);
  return Promise.all(
    stacks.map(async (stack) => {
      const daemons = await gatherDaemons(survey, stack);
      return stackHealth(files, stack, daemons, ours.includes(stack) ? figures : new Map());
    }),
  );
}

/** Runtimes' folders alone are no chain. */
function hasProcesses({ docker, containerd, cri, shims }: Stack): boolean {
  return (docker ?? containerd ?? cri) !== undefined || shims.length > 0;
}

function isOurs({ docker, containerd }: Stack, stateDir: string): boolean {
  const within = (path: string | undefined) => path?.startsWith(`${stateDir}/`) ?? false;
  return within(docker?.socket) || within(containerd?.socket);
}

function stackHealth(
  files: HostFiles,
  stack: Stack,
  daemons: DaemonSet,
  figures: LinkFigures,
): StackHealth {
  const { docker, containerd } = stack;
  const links: LinkHealth[] = [];
  const add = (link: string, health: Pick<LinkHealth, "mark" | "detail" | "answerMs">) => {
    const { medianMs = null, failures = 0 } = figures.get(link) ?? {};
    links.push({ link, ...health, medianMs, failures });
  };
  if (daemons.cri) add("cri", daemonHealth(daemons.cri));
  if (daemons.docker) add("dockerd", daemonHealth(daemons.docker));
  if (daemons.containerd) add("containerd", daemonHealth(daemons.containerd));
  add("shim", shimHealth(files, stack));
  for (const link of ["runc", "init"]) {
    if (!figures.has(link)) continue;
    const detail = "runs for a moment only: seen in traces";
    add(link, { mark: "not-asked", detail, answerMs: null });
  }
  return { name: docker?.socket ?? containerd?.socket ?? "runtimes by themselves", links };
}

function daemonHealth(facts: DaemonFacts): Pick<LinkHealth, "mark" | "detail" | "answerMs"> {
  const { answer, pid, state } = facts;
  const who = pid === undefined ? "" : `process ${pid}`;
  if (answer?.ok) return { mark: "works", detail: who, answerMs: answer.latencyMs };
  if (!facts.socketExists) return { mark: "not-present", detail: "no socket", answerMs: null };
  const held = state !== undefined && HELD.has(state) ? `${who} is in state ${state}` : who;
  const detail = [answer?.error ?? "not asked", held].filter((part) => part !== "").join("; ");
  return { mark: answer?.timedOut ? "hangs" : "fails", detail, answerMs: null };
}

function shimHealth(
  files: HostFiles,
  stack: Stack,
): Pick<LinkHealth, "mark" | "detail" | "answerMs"> {
  const processes = stack.shims
    .map((shim) => readProcess(files, shim.pid))
    .filter((one): one is HostProcess => one !== undefined);
  if (processes.length === 0) {
    return { mark: "not-present", detail: "no shim runs", answerMs: null };
  }
  const held = processes.find((one) => HELD.has(one.state));
  if (held) {
    const detail = `process ${held.pid} is in state ${held.state}`;
    return { mark: "hangs", detail, answerMs: null };
  }
  const count = processes.length === 1 ? "1 shim" : `${processes.length} shims`;
  return { mark: "not-asked", detail: `${count}, none held`, answerMs: null };
}
