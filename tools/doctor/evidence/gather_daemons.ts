import { isBlocked, isStopped } from "../causes/words.ts";
import { dockerRequest } from "../discover/docker_request.ts";
import type { Stack, Survey } from "../discover/find_stacks.ts";
import { greetDaemon } from "../discover/greet_daemon.ts";
import type { Answer, DaemonFacts, DockerFacts, Facts } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";
import { readProcess } from "../host/process_table.ts";
import { collectDaemon } from "./collect_daemon.ts";
import { readEvents, readRuntimes } from "./collect_docker.ts";

const FIRST_TIMEOUT_MS = 2000;
/** A busy host is no hang: who runs and was silent is asked once more, with more patience. */
const SECOND_TIMEOUT_MS = 4000;

/** A stack's daemons, looked at once for all containers of the stack. */
export type DaemonSet = Pick<Facts, "cri" | "docker" | "containerd">;

/** Looks at a stack's daemons; asks each one question that cannot harm it. */
export async function gatherDaemons(survey: Survey, stack: Stack): Promise<DaemonSet> {
  const [cri, docker, containerd] = await Promise.all([
    stack.cri && lookAt(survey, stack.cri, greetDaemon),
    stack.docker && lookAtDocker(survey, stack.docker),
    stack.containerd && lookAt(survey, stack.containerd, greetDaemon),
  ]);
  return { ...(cri && { cri }), ...(docker && { docker }), ...(containerd && { containerd }) };
}

async function lookAt(
  survey: Survey,
  { socket, pid }: { socket: string; pid?: number },
  ask: (socket: string, timeoutMs: number) => Promise<Answer>,
): Promise<DaemonFacts> {
  let answer = await ask(socket, stretched(FIRST_TIMEOUT_MS));
  const state = pid === undefined ? undefined : readProcess(survey.files, pid)?.state;
  if (answer.timedOut && !isStopped(state) && !isBlocked(state)) {
    answer = await ask(socket, stretched(SECOND_TIMEOUT_MS));
  }
  return collectDaemon(survey, survey.cgroups, pid, socket, answer);
}

async function lookAtDocker(
  survey: Survey,
  docker: NonNullable<Stack["docker"]>,
): Promise<DockerFacts> {
  const facts: DockerFacts = await lookAt(survey, docker, pingDocker);
  if (docker.dataRoot) facts.dataRoot = docker.dataRoot;
  if (!facts.answer?.ok) return facts;
  facts.runtimes = await readRuntimes(docker.socket);
  facts.events = await readEvents(docker.socket);
  return facts;
}

/** The Docker API's own greeting: its body says OK, whoever else listens there says otherwise. */
async function pingDocker(socket: string, limitMs: number): Promise<Answer> {
  const reply = await dockerRequest(socket, "/_ping", limitMs);
  const { ok, latencyMs, timedOut, error, text, status } = reply;
  if (ok && text.trim() !== "OK") {
    const wrong = `it answers (${status}), but not as the Docker Engine API does`;
    return { ok: false, latencyMs, timedOut, error: wrong };
  }
  const denied = error === "EACCES" || error === "EPERM";
  return { ok, latencyMs, timedOut, denied, ...(error !== undefined && { error }) };
}
