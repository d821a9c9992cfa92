import { dockerRequest } from "../discover/docker_request.ts";
import type { DockerInspect, ExecFacts, Facts } from "../facts.ts";

const TIMEOUT_MS = 3000;
/** How far back an attempt still counts as "it fails now". */
const RECENT_MS = 15 * 60 * 1000;
const MAX_EXECS = 8;

type Json = Record<string, unknown>;

/** The runtimes that a dockerd knows, by name, with their executables. */
export async function readRuntimes(socket: string): Promise<Map<string, string>> {
  const reply = await dockerRequest(socket, "/info", TIMEOUT_MS);
  const out = new Map<string, string>();
  for (const [name, value] of Object.entries(object(object(reply.json)["Runtimes"]))) {
    const path = text(object(value)["path"]);
    if (path !== "") out.set(name, path);
  }
  return out;
}

/** GET /containers/ID/json, read defensively. Undefined when there is no such answer. */
export async function inspectContainer(
  socket: string,
  id: string,
): Promise<DockerInspect | undefined> {
  const reply = await dockerRequest(
    socket,
    `/containers/${encodeURIComponent(id)}/json`,
    TIMEOUT_MS,
  );
  return reply.ok ? readInspect(reply.json) : undefined;
}

/** Reads the parts of an inspect answer that rules judge. */
export function readInspect(json: unknown): DockerInspect | undefined {
  const body = object(json);
  const state = object(body["State"]);
  const config = object(body["Config"]);
  const host = object(body["HostConfig"]);
  const layers = object(object(body["GraphDriver"])["Data"]);
  if (typeof body["Id"] !== "string") return undefined;
  const inspect: DockerInspect = {
    id: body["Id"],
    name: text(body["Name"]).replace(/^\//, ""),
    status: text(state["Status"]),
    running: state["Running"] === true,
    paused: state["Paused"] === true,
    oomKilled: state["OOMKilled"] === true,
    exitCode: Number(state["ExitCode"] ?? 0),
    error: text(state["Error"]),
    pid: Number(state["Pid"] ?? 0),
    startedAt: text(state["StartedAt"]),
    finishedAt: text(state["FinishedAt"]),
    path: text(body["Path"]),
    args: texts(body["Args"]),
    entrypoint: texts(config["Entrypoint"]),
    env: texts(config["Env"]),
    user: text(config["User"]),
    workingDir: text(config["WorkingDir"]),
    image: text(config["Image"]),
    runtime: text(host["Runtime"]),
    binds: binds(body, host),
    ports: ports(host),
    lowerDirs: text(layers["LowerDir"]).split(":").filter(Boolean),
    readonlyRootfs: host["ReadonlyRootfs"] === true,
    healthLog: healthLog(state),
    restartPolicy: text(object(host["RestartPolicy"])["Name"]),
    memoryLimit: Number(host["Memory"] ?? 0),
    securityOptions: texts(host["SecurityOpt"]),
    apparmorProfile: text(body["AppArmorProfile"]),
  };
  if (typeof layers["UpperDir"] === "string") inspect.upperDir = layers["UpperDir"];
  const check = object(config["Healthcheck"]);
  if (texts(check["Test"]).length > 0) {
    inspect.healthcheck = { test: texts(check["Test"]), timeoutNs: Number(check["Timeout"] ?? 0) };
  }
  return inspect;
}

function binds(body: Json, host: Json): DockerInspect["binds"] {
  const out: DockerInspect["binds"] = [];
  for (const mount of [...list(body["Mounts"]), ...list(host["Mounts"])].map(object)) {
    if (mount["Type"] !== "bind") continue;
    const target = text(mount["Destination"]) || text(mount["Target"]);
    out.push({ source: text(mount["Source"]), target });
  }
  return out;
}

function ports(host: Json): DockerInspect["ports"] {
  const out: DockerInspect["ports"] = [];
  for (const [key, bindings] of Object.entries(object(host["PortBindings"]))) {
    for (const binding of list(bindings).map(object)) {
      const hostPort = Number(binding["HostPort"]);
      const protocol = key.split("/")[1] ?? "tcp";
      if (hostPort > 0) out.push({ hostIp: text(binding["HostIp"]), hostPort, protocol });
    }
  }
  return out;
}

function healthLog(state: Json): DockerInspect["healthLog"] {
  return list(object(state["Health"])["Log"])
    .map(object)
    .map((entry) => ({
      exitCode: Number(entry["ExitCode"]),
      output: text(entry["Output"]).slice(0, 400),
      start: text(entry["Start"]),
    }));
}

/**
 * All events that a dockerd still remembers: the last 256. One question serves every container of
 * the host.
 */
export async function readEvents(socket: string): Promise<DockerEvent[]> {
  // A moment in the future would make the engine wait for it.
  const nowMs = Date.now();
  const until = `${Math.floor(nowMs / 1000)}.${String((nowMs % 1000) * 1e6).padStart(9, "0")}`;
  // Zero means "from now on" to some engines.
  const reply = await dockerRequest(socket, `/events?since=1&until=${until}`, TIMEOUT_MS);
  return reply.ok ? parseEvents(reply.text) : [];
}

/**
 * What the events say of one container: attempts to exec in it, newest last, and how it ended.
 * dockerd forgets execs about five minutes after their end.
 */
export async function collectHistory(
  socket: string,
  id: string,
  events: readonly DockerEvent[],
  logLines: string[],
): Promise<Pick<Facts, "execs" | "ends">> {
  const execs = new Map<string, ExecFacts>();
  const ends: Facts["ends"] = [];
  for (const event of events) if (event.id === id) noteEvent(event, execs, ends);
  const recent = [...execs.values()].filter((one) => Date.now() - one.timeMs < RECENT_MS);
  const newest = recent.slice(-MAX_EXECS);
  await Promise.all(newest.map((exec) => completeExec(socket, exec, logLines)));
  return { execs: newest, ends };
}

export interface DockerEvent {
  /** The container's. */
  id: string;
  action: string;
  timeMs: number;
  attributes: Record<string, string>;
}

function parseEvents(body: string): DockerEvent[] {
  const out: DockerEvent[] = [];
  for (const line of body.split("\n")) {
    try {
      const event = object(JSON.parse(line) as unknown);
      const actor = object(event["Actor"]);
      const attributes = object(actor["Attributes"]) as Record<string, string>;
      const timeMs = Number(event["timeNano"]) / 1e6;
      out.push({ id: text(actor["ID"]), action: text(event["Action"]), timeMs, attributes });
    } catch {
      // An empty or torn line.
    }
  }
  return out;
}

function noteEvent(event: DockerEvent, execs: Map<string, ExecFacts>, ends: Facts["ends"]): void {
  const execId = event.attributes["execID"];
  if (execId === undefined) {
    if (/^(die|kill|oom|stop|start|pause|unpause|restart)$/.test(event.action)) ends.push(event);
    return;
  }
  const known = execs.get(execId) ?? {
    id: execId,
    timeMs: event.timeMs,
    argv: [],
    user: "",
    tty: false,
    exitCode: undefined,
    launched: false,
    running: false,
  };
  if (event.action === "exec_die") {
    known.launched = true;
    known.exitCode = Number(event.attributes["exitCode"]);
  }
  execs.set(execId, known);
}

async function completeExec(socket: string, exec: ExecFacts, logLines: string[]): Promise<void> {
  const reply = await dockerRequest(socket, `/exec/${exec.id}/json`, TIMEOUT_MS);
  const body = object(reply.json);
  const config = object(body["ProcessConfig"]);
  if (reply.ok) {
    exec.argv = [text(config["entrypoint"]), ...texts(config["arguments"])];
    exec.user = text(config["user"]);
    exec.tty = config["tty"] === true;
    exec.running = body["Running"] === true;
    if (typeof body["ExitCode"] === "number") exec.exitCode ??= body["ExitCode"];
    if (exec.running || Number(body["Pid"] ?? 0) > 0) exec.launched = true;
  }
  const line = logLines.findLast((one) => one.includes(exec.id) && one.includes("level=error"));
  const message = line?.match(/msg="((?:[^"\\]|\\.)*)"/)?.[1];
  if (message) exec.logged = message.replace(/\\(["\\])/g, "$1");
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return list(value).filter((item) => typeof item === "string");
}
