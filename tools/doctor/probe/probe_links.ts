import { PIDS_OF_GENUINE_EXEC } from "../causes/pids_proof.ts";
import { SLOW_MS } from "../causes/slow_link.ts";
import { PROBE_MARK, tightestPids } from "../causes/words.ts";
import type { FoundContainer } from "../discover/find_containers.ts";
import type { ChainLink, Facts, ProbeFacts } from "../facts.ts";
import { readMemory, readPids } from "../host/cgroup_counters.ts";
import type { HostFiles } from "../host/host_files.ts";
import { measurePace } from "../host/host_pace.ts";
import { lookupInRootfs } from "../host/rootfs_lookup.ts";
import type { DoctorOptions } from "../options.ts";
import { probeContainerd } from "./probe_containerd.ts";
import { probeCri } from "./probe_cri.ts";
import { probeDocker } from "./probe_docker.ts";
import { probeRuntime } from "./probe_runtime.ts";
import { probeShim } from "./probe_shim.ts";

export type Attempt = ProbeFacts["attempts"][number];

/** What a link's probe needs: one harmless program, run once. */
export interface Probe {
  link: ChainLink;
  command: string;
  times: number;
  run(): Promise<Attempt>;
}

/** The race of an exec with a nearly full limit is lost one time in six: one look is not enough. */
const RUNTIME_TIMES = 3;
/** What init of a genuine runtime needs before it becomes the program. */
const MEMORY_OF_GENUINE_EXEC = 12 * 1024 * 1024;
const HARMLESS = [
  ["/bin/true"],
  ["/usr/bin/true"],
  ["/bin/sh", "-c", ":"],
  ["/bin/busybox", "true"],
] as const;
const NOT_THERE = /executable file not found|no such file or directory/i;

/**
 * Tries a harmless exec at each link from the bottom up, and stops at the first that fails or
 * hangs: asking a wedged shim from above wedges Docker for everyone else. Adds to `facts.probes`
 * and `facts.shim.answer`. Returns why it tried nothing, where it did not.
 */
export async function probeLinks(
  files: HostFiles,
  container: FoundContainer,
  facts: Facts,
  options: DoctorOptions,
): Promise<string | undefined> {
  const refusal = whyNot(facts, options);
  if (refusal !== undefined) return refusal;
  const rootfs = facts.init?.rootfs ?? "/nonexistent";
  const harmless = HARMLESS.find(([path]) => lookupInRootfs(files, rootfs, path));
  // Without one, a program that is not there: to be told so takes all the links there are.
  const argv = harmless ? [...harmless, PROBE_MARK] : [PROBE_MARK];
  const runtime = probeRuntime(facts, argv, RUNTIME_TIMES);
  if (runtime && !(await perform(files, facts, runtime))) return undefined;
  if (facts.shim?.socket !== undefined && facts.shim.listening) {
    facts.shim.answer = await probeShim(facts.shim.socket, container.id);
    if (!facts.shim.answer.ok) return undefined;
  }
  // One that does not even greet is not asked more: the next request would wait as well.
  const { ok, denied } = facts.containerd?.answer ?? { ok: false };
  if (facts.containerd && !ok && !denied) return undefined;
  const containerd = ok ? probeContainerd(facts, argv) : undefined;
  if (containerd && !(await perform(files, facts, containerd))) return undefined;
  if (facts.docker?.inspect && !(await perform(files, facts, probeDocker(facts, argv)))) {
    return undefined;
  }
  if (facts.cri?.answer?.ok) await perform(files, facts, probeCri(facts, argv));
  return undefined;
}

/** Looking can do harm: a genuine exec takes its pids and memory from the application. */
function whyNot(facts: Facts, options: DoctorOptions): string | undefined {
  if (options.readOnly) return "no exec was tried: --read-only";
  if (!facts.init?.alive) return "no exec was tried: the container does not run";
  if (options.probe) return undefined;
  const pids = tightestPids(facts.cgroup?.pids ?? []);
  if (pids && pids.max - pids.current < 2 * PIDS_OF_GENUINE_EXEC) {
    const left = Math.max(0, pids.max - pids.current);
    return `no exec was tried: ${left} pids are left, which the application may need (--probe)`;
  }
  for (const level of facts.cgroup?.memory ?? []) {
    const left = level.limitBytes - (level.pinnedBytes ?? 0);
    if (left < MEMORY_OF_GENUINE_EXEC) {
      return "no exec was tried: little memory is left, which the application may need (--probe)";
    }
  }
  return undefined;
}

/** Runs one link's probe with the counters before and after. False ends the way up. */
async function perform(files: HostFiles, facts: Facts, probe: Probe): Promise<boolean> {
  const before = counters(files, facts);
  const result: ProbeFacts = {
    link: probe.link,
    attempts: [],
    pidsRefused: 0,
    oomKills: 0,
    controlMs: 0,
    command: probe.command,
  };
  const below = facts.probes.flatMap(({ attempts }) => attempts.map((one) => one.latencyMs));
  const belowMs = Math.max(0, ...below);
  const controls = [await measurePace()];
  let times = probe.times;
  for (let index = 0; index < times; index++) {
    const attempt = readAttempt(await probe.run());
    result.attempts.push(attempt);
    controls.push(await measurePace());
    if (attempt.timedOut) break;
    // One slow answer may be chance: it is asked again before anybody is called slow.
    if (attempt.ok && attempt.latencyMs - belowMs >= SLOW_MS) times = Math.max(index + 1, 2);
  }
  result.controlMs = controls.sort((a, b) => a - b)[Math.floor(controls.length / 2)]!;
  const after = counters(files, facts);
  result.pidsRefused = after.refused - before.refused;
  result.oomKills = after.oomKills - before.oomKills;
  facts.probes.push(result);
  return result.attempts.every((attempt) => attempt.ok);
}

/** A link that says that our made-up program is missing has got as far as a container can. */
function readAttempt(attempt: Attempt): Attempt {
  const reached = NOT_THERE.test(attempt.text) && attempt.text.includes(`"${PROBE_MARK}"`);
  if (attempt.ok || attempt.timedOut || !reached) return attempt;
  return { ...attempt, ok: true, text: "the container was reached; it has no program to try" };
}

function counters(files: HostFiles, facts: Facts): { refused: number; oomKills: number } {
  let refused = 0;
  let oomKills = 0;
  for (const level of facts.cgroup?.pids ?? []) {
    refused += readPids(files, level.folder)?.refused ?? 0;
  }
  const own = facts.cgroup?.memory[0];
  if (own) {
    const version = files.exists(`${own.folder}/memory.usage_in_bytes`) ? 1 : 2;
    oomKills = readMemory(files, own.folder, version)?.oomKills ?? 0;
  }
  return { refused, oomKills };
}
