import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine, LogOptions, LogStream, OutputChunk } from "../engine.ts";
import { FrameDecoder } from "../stdcopy.ts";
import type { ContainerStats } from "../types/container_stats.ts";
import type {
  ContainerChange,
  ContainerCreated,
  ContainerInspect,
  ContainerSummary,
  ContainersPruned,
  ContainerTop,
  ContainerWaited,
  ExecInspect,
  PathStat,
} from "../types/container_view.ts";
import { hijack } from "./hijack_client.ts";
import { bodyOf, readJsonLines } from "./json_lines.ts";
import { filtersText, segment, timeText } from "./path_segment.ts";
import type { DockerTransport, QueryValues } from "./transport.ts";

type ContainerPart = Omit<
  Pick<DockerEngine, Extract<keyof DockerEngine, `container${string}` | `exec${string}`>>,
  "containerCommit"
>;

const NOT_MODIFIED = 304;
const container = (id: string) => `/containers/${encodeURIComponent(id)}`;

/** Containers and execs over HTTP. */
export function containerClient(http: DockerTransport): ContainerPart {
  return {
    ...lifeCycle(http),
    ...views(http),
    ...streams(http),
    ...archives(http),
    ...execs(http),
  };
}

function lifeCycle(http: DockerTransport) {
  const post = (id: string, verb: string, query: QueryValues, context: CallContext) =>
    http.status("POST", `${container(id)}/${verb}`, { query }, context);
  return {
    containerCreate: ({ name, platform, body }, context) =>
      http.json<ContainerCreated>(
        "POST",
        "/containers/create",
        { query: { name, platform }, json: body },
        context,
      ),
    containerStart: async (id, context) => (await post(id, "start", {}, context)) !== NOT_MODIFIED,
    containerStop: async (id, { timeout, signal }, context) =>
      (await post(id, "stop", { t: timeout, signal }, context)) !== NOT_MODIFIED,
    containerRestart: async (id, { timeout, signal }, context) => {
      await post(id, "restart", { t: timeout, signal }, context);
    },
    containerKill: async (id, signal, context) => {
      await post(id, "kill", { signal }, context);
    },
    containerPause: async (id, context) => {
      await post(id, "pause", {}, context);
    },
    containerUnpause: async (id, context) => {
      await post(id, "unpause", {}, context);
    },
    containerRename: async (id, name, context) => {
      await post(id, "rename", { name }, context);
    },
    containerResize: async (id, h, w, context) => {
      await post(id, "resize", { h, w }, context);
    },
    containerUpdate: (id, body, context) =>
      http.json<{ Warnings: string[] }>("POST", `${container(id)}/update`, { json: body }, context),
    containerRemove: async (id, { force, volumes, link }, context) => {
      await http.status("DELETE", container(id), { query: { force, v: volumes, link } }, context);
    },
    containerPrune: (filters, context) =>
      http.json<ContainersPruned>(
        "POST",
        "/containers/prune",
        { query: { filters: filtersText(filters) } },
        context,
      ),
    containerWait: async (id, condition, context) => {
      const path = `${container(id)}/wait`;
      const reply = await http.request("POST", path, { query: { condition } }, context);
      return { done: reply.json() as Promise<ContainerWaited> };
    },
  } satisfies Partial<ContainerPart>;
}

function views(http: DockerTransport) {
  return {
    containerList: ({ all, limit, size, filters }, context) =>
      http.json<ContainerSummary[]>(
        "GET",
        "/containers/json",
        { query: { all, limit: limit || undefined, size, filters: filtersText(filters) } },
        context,
      ),
    containerInspect: (id, size, context) =>
      http.json<ContainerInspect>("GET", `${container(id)}/json`, { query: { size } }, context),
    containerTop: (id, psArgs, context) =>
      http.json<ContainerTop>(
        "GET",
        `${container(id)}/top`,
        { query: { ps_args: psArgs } },
        context,
      ),
    containerChanges: async (id, context) =>
      (await http.json<ContainerChange[] | null>("GET", `${container(id)}/changes`, {}, context)) ??
      [],
    containerStats: async (id, { stream, oneShot }, context) => {
      const query = { stream: stream ? "1" : "0", "one-shot": oneShot };
      const reply = await http.request("GET", `${container(id)}/stats`, { query }, context);
      return readJsonLines<ContainerStats>(bodyOf(reply));
    },
  } satisfies Partial<ContainerPart>;
}

function streams(http: DockerTransport) {
  return {
    containerAttach: async (id, options, context) => {
      const { Config } = await http.json<ContainerInspect>(
        "GET",
        `${container(id)}/json`,
        {},
        context,
      );
      const { detachKeys, ...flags } = options;
      const request = {
        path: `${container(id)}/attach`,
        query: { ...flags, detachKeys },
        tty: Config.Tty === true,
        stdin: options.stdin,
      };
      return hijack(http, request, context);
    },
    containerLogs: (id, options, context) => logs(http, id, options, context),
  } satisfies Partial<ContainerPart>;
}

async function logs(
  http: DockerTransport,
  id: string,
  options: LogOptions,
  context: CallContext,
): Promise<LogStream> {
  const { Config } = await http.json<ContainerInspect>("GET", `${container(id)}/json`, {}, context);
  const { stdout, stderr, follow, timestamps, details } = options;
  const query = {
    stdout,
    stderr,
    follow,
    timestamps,
    details,
    tail: options.tail === undefined ? "all" : String(options.tail),
    since: timeText(options.sinceNs),
    until: timeText(options.untilNs),
  };
  const reply = await http.request("GET", `${container(id)}/logs`, { query }, context);
  const tty = Config.Tty === true;
  return { tty, output: chunksOf(bodyOf(reply), tty) };
}

async function* chunksOf(
  body: AsyncIterable<Uint8Array>,
  tty: boolean,
): AsyncIterable<OutputChunk> {
  const decoder = new FrameDecoder();
  for await (const data of body) {
    if (tty) yield { stream: 1, data };
    else yield* decoder.push(data);
  }
}

function statOf(reply: Response): PathStat {
  const text = reply.headers.get("x-docker-container-path-stat") ?? "";
  return JSON.parse(Buffer.from(text, "base64").toString("utf8")) as PathStat;
}

function archives(http: DockerTransport) {
  return {
    containerArchiveStat: async (id, path, context) =>
      statOf(await http.request("HEAD", `${container(id)}/archive`, { query: { path } }, context)),
    containerArchiveGet: async (id, path, context) => {
      const reply = await http.request(
        "GET",
        `${container(id)}/archive`,
        { query: { path } },
        context,
      );
      return { stat: statOf(reply), tar: bodyOf(reply) };
    },
    containerArchivePut: async (id, { path, noOverwriteDirNonDir, copyUidGid }, tar, context) => {
      const query = { path, noOverwriteDirNonDir, copyUIDGID: copyUidGid };
      await http.status("PUT", `${container(id)}/archive`, { query, body: tar }, context);
    },
    containerExport: async (id, context) =>
      bodyOf(await http.request("GET", `${container(id)}/export`, {}, context)),
  } satisfies Partial<ContainerPart>;
}

function execs(http: DockerTransport) {
  return {
    execCreate: (id, body, context) =>
      http.json<{ Id: string }>("POST", `${container(id)}/exec`, { json: body }, context),
    execStart: async (id, body, context) => {
      const path = `/exec/${segment(id)}/start`;
      if (body.Detach) {
        await http.status("POST", path, { json: body }, context);
        return undefined;
      }
      const exec = await http.json<ExecInspect>("GET", `/exec/${segment(id)}/json`, {}, context);
      const { tty } = exec.ProcessConfig;
      const json = { ...body, Tty: tty };
      return hijack(http, { path, json, tty, stdin: exec.OpenStdin }, context);
    },
    execResize: async (id, h, w, context) => {
      await http.status("POST", `/exec/${segment(id)}/resize`, { query: { h, w } }, context);
    },
    execInspect: (id, context) =>
      http.json<ExecInspect>("GET", `/exec/${segment(id)}/json`, {}, context),
  } satisfies Partial<ContainerPart>;
}
