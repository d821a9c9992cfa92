import type { LogOptions, WaitCondition } from "../engine.ts";
import { encodeFrame } from "../stdcopy.ts";
import type { ContainerCreateBody, ContainerUpdateBody } from "../types/container_config.ts";
import { type Exchange, refusal } from "./exchange.ts";
import { carryStreams, hijack } from "./hijack.ts";
import { encodeLines } from "./json_stream.ts";
import { CONTAINER_CREATE, CONTAINER_UPDATE } from "./request_shapes.ts";
import type { Route } from "./route.ts";
import { archiveRoutes } from "./routes_archive.ts";
import { optional } from "./routes_system.ts";

const id = (exchange: Exchange) => exchange.params[0]!;

async function create(exchange: Exchange): Promise<void> {
  const body = await exchange.json<ContainerCreateBody>(CONTAINER_CREATE, "CreateRequest");
  const { query, engine, context } = exchange;
  const options = { name: query.text("name"), platform: query.text("platform"), body };
  exchange.send(201, await engine.containerCreate(options, context));
}

async function list(exchange: Exchange): Promise<void> {
  const { query, engine, context } = exchange;
  const filters = query.filters();
  for (const key of ["since", "before"]) {
    if (query.text(key) !== "") filters[key] = [query.text(key)];
  }
  const limit = query.int("limit") ?? 0;
  const options = { all: query.flag("all"), size: query.flag("size"), limit, filters };
  exchange.send(200, await engine.containerList(options, context));
}

async function start(exchange: Exchange): Promise<void> {
  const length = exchange.request.headers["content-length"];
  if (Number(length ?? 0) > 7 || exchange.request.headers["transfer-encoding"] === "chunked") {
    throw refusal(
      "starting container with non-empty request body was deprecated since API v1.22 and " +
        "removed in v1.24",
    );
  }
  if (exchange.query.text("checkpoint") !== "") throw refusal("checkpoint is not supported");
  const started = await exchange.engine.containerStart(id(exchange), exchange.context);
  exchange.sendEmpty(started ? 204 : 304);
}

function stopOptions(exchange: Exchange): { timeout?: number; signal?: string } {
  const signal = exchange.query.text("signal");
  return {
    ...optional("timeout", exchange.query.int("t")),
    ...optional("signal", signal === "" ? undefined : signal),
  };
}

const CONDITIONS: readonly string[] = ["not-running", "next-exit", "removed"];

/** Headers first, at once: the CLI sends `start` only when it has them. */
async function wait(exchange: Exchange): Promise<void> {
  const condition = exchange.query.text("condition") || "not-running";
  if (!CONDITIONS.includes(condition)) {
    throw refusal(`invalid condition: ${JSON.stringify(condition)}`);
  }
  const { engine, context } = exchange;
  const { done } = await engine.containerWait(id(exchange), condition as WaitCondition, context);
  // A client that leaves rejects this; nobody else listens to it then.
  done.catch(() => undefined);
  await exchange.stream("application/json", encodeLines(once(done)));
}

async function* once<T>(value: Promise<T>): AsyncIterable<T> {
  yield await value;
}

async function attach(exchange: Exchange): Promise<void> {
  const { query, engine, context } = exchange;
  const options = {
    stdin: query.flag("stdin"),
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    stream: query.flag("stream"),
    logs: query.flag("logs"),
    detachKeys: query.text("detachKeys"),
  };
  const streams = await engine.containerAttach(id(exchange), options, context);
  await carryStreams(hijack(exchange, exchange.streamType(streams.tty)), streams);
}

function logOptions(exchange: Exchange): LogOptions {
  const { query } = exchange;
  const tail = query.text("tail");
  return {
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    follow: query.flag("follow"),
    timestamps: query.flag("timestamps"),
    details: query.flag("details"),
    // dockerd takes anything that is no number, "all" among it, for all lines.
    ...optional("tail", /^[0-9]+$/.test(tail) ? Number(tail) : undefined),
    ...optional("sinceNs", query.timeNs("since")),
    // For logs, 0 is no bound; for events it is 1970.
    ...optional("untilNs", query.timeNs("until") || undefined),
  };
}

async function logs(exchange: Exchange): Promise<void> {
  const options = logOptions(exchange);
  if (!options.stdout && !options.stderr) {
    throw refusal("Bad parameters: you must choose at least one stream");
  }
  const { engine, context } = exchange;
  const { tty, output } = await engine.containerLogs(id(exchange), options, context);
  async function* bytes() {
    for await (const chunk of output) yield tty ? chunk.data : encodeFrame(chunk);
  }
  await exchange.stream(exchange.streamType(tty), bytes());
}

async function stats(exchange: Exchange): Promise<void> {
  const options = {
    stream: exchange.query.flag("stream", true),
    oneShot: exchange.query.flag("one-shot"),
  };
  const samples = await exchange.engine.containerStats(id(exchange), options, exchange.context);
  await exchange.stream("application/json", encodeLines(samples));
}

async function update(exchange: Exchange): Promise<void> {
  const body = await exchange.json<ContainerUpdateBody>(CONTAINER_UPDATE, "UpdateConfig");
  exchange.send(200, await exchange.engine.containerUpdate(id(exchange), body, exchange.context));
}

async function resize(exchange: Exchange): Promise<void> {
  const height = exchange.query.size("h", "resize height");
  const width = exchange.query.size("w", "resize width");
  await exchange.engine.containerResize(id(exchange), height, width, exchange.context);
  exchange.sendEmpty(200);
}

/** Operations that take an id, and answer 204 (or what `work` says). */
function verb(
  path: string,
  name: string,
  work: (exchange: Exchange) => Promise<number | undefined>,
): Route {
  return {
    method: "POST",
    path: `/containers/{}/${path}`,
    name,
    handle: async (exchange) => exchange.sendEmpty((await work(exchange)) ?? 204),
  };
}

const verbs: Route[] = [
  verb("stop", "container.stop", async (x) => {
    const stopped = await x.engine.containerStop(id(x), stopOptions(x), x.context);
    return stopped ? 204 : 304;
  }),
  verb("restart", "container.restart", async (x) => {
    await x.engine.containerRestart(id(x), stopOptions(x), x.context);
    return undefined;
  }),
  verb("kill", "container.kill", async (x) => {
    await x.engine.containerKill(id(x), x.query.text("signal"), x.context);
    return undefined;
  }),
  verb("pause", "container.pause", async (x) => {
    await x.engine.containerPause(id(x), x.context);
    return undefined;
  }),
  verb("unpause", "container.unpause", async (x) => {
    await x.engine.containerUnpause(id(x), x.context);
    return undefined;
  }),
  verb("rename", "container.rename", async (x) => {
    await x.engine.containerRename(id(x), x.query.text("name"), x.context);
    return undefined;
  }),
];

export const containerRoutes: Route[] = [
  ...archiveRoutes,
  ...verbs,
  { method: "GET", path: "/containers/json", name: "container.list", handle: list },
  { method: "POST", path: "/containers/create", name: "container.create", handle: create },
  {
    method: "POST",
    path: "/containers/prune",
    name: "container.prune",
    handle: async (x) => x.send(200, await x.engine.containerPrune(x.query.filters(), x.context)),
  },
  {
    method: "GET",
    path: "/containers/{}/json",
    name: "container.inspect",
    handle: async (x) =>
      x.send(200, await x.engine.containerInspect(id(x), x.query.flag("size"), x.context)),
  },
  {
    method: "GET",
    path: "/containers/{}/top",
    name: "container.top",
    handle: async (x) =>
      x.send(200, await x.engine.containerTop(id(x), x.query.text("ps_args"), x.context)),
  },
  {
    method: "GET",
    path: "/containers/{}/changes",
    name: "container.changes",
    handle: async (x) => x.send(200, await x.engine.containerChanges(id(x), x.context)),
  },
  { method: "GET", path: "/containers/{}/logs", name: "container.logs", handle: logs },
  { method: "GET", path: "/containers/{}/stats", name: "container.stats", handle: stats },
  { method: "POST", path: "/containers/{}/start", name: "container.start", handle: start },
  { method: "POST", path: "/containers/{}/wait", name: "container.wait", handle: wait },
  { method: "POST", path: "/containers/{}/attach", name: "container.attach", handle: attach },
  { method: "POST", path: "/containers/{}/resize", name: "container.resize", handle: resize },
  { method: "POST", path: "/containers/{}/update", name: "container.update", handle: update },
  {
    method: "DELETE",
    path: "/containers/{}",
    name: "container.remove",
    handle: async (x) => {
      const { query } = x;
      const options = {
        force: query.flag("force"),
        volumes: query.flag("v"),
        link: query.flag("link"),
      };
      await x.engine.containerRemove(id(x), options, x.context);
      x.sendEmpty(204);
    },
  },
];
