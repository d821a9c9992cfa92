import type { ExecCreateBody, ExecStartBody } from "../types/container_config.ts";
import { type Exchange, refusal } from "./exchange.ts";
import { carryStreams, hijack } from "./hijack.ts";
import { EXEC_CREATE, EXEC_START } from "./request_shapes.ts";
import type { Route } from "./route.ts";

async function execCreate(exchange: Exchange): Promise<void> {
  const body = await exchange.json<ExecCreateBody>(EXEC_CREATE, "ExecOptions");
  if (!body.Cmd?.length) throw refusal("No exec command specified");
  exchange.send(201, await exchange.engine.execCreate(exchange.params[0]!, body, exchange.context));
}

/** The streams of a process that was started outlive this request's failure: no abort signal. */
async function execStart(exchange: Exchange): Promise<void> {
  const body = await exchange.json<ExecStartBody>(EXEC_START, "ExecStartOptions");
  const context = exchange.context.trace ? { trace: exchange.context.trace } : {};
  const streams = await exchange.engine.execStart(exchange.params[0]!, body, context);
  if (!streams) {
    exchange.sendEmpty(200);
    return;
  }
  await carryStreams(hijack(exchange, exchange.streamType(streams.tty)), streams);
}

export const execRoutes: Route[] = [
  { method: "POST", path: "/containers/{}/exec", name: "exec.create", handle: execCreate },
  { method: "POST", path: "/exec/{}/start", name: "exec.start", handle: execStart },
  {
    method: "POST",
    path: "/exec/{}/resize",
    name: "exec.resize",
    handle: async (exchange) => {
      const height = exchange.query.size("h", "resize height");
      const width = exchange.query.size("w", "resize width");
      await exchange.engine.execResize(exchange.params[0]!, height, width, exchange.context);
      exchange.sendEmpty(200);
    },
  },
  {
    method: "GET",
    path: "/exec/{}/json",
    name: "exec.inspect",
    handle: async (exchange) => {
      const view = await exchange.engine.execInspect(exchange.params[0]!, exchange.context);
      exchange.send(200, view);
    },
  },
];
