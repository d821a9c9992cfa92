import type { Exchange } from "./exchange.ts";
import { encodeLines } from "./json_stream.ts";
import type { Route } from "./route.ts";

async function ping(exchange: Exchange): Promise<void> {
  const view = await exchange.engine.ping(exchange.context);
  exchange.sendText(200, "OK", {
    "Builder-Version": view.builderVersion,
    Swarm: view.swarm,
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
  });
}

const sendEvents = (exchange: Exchange) => {
  const query = {
    filters: exchange.query.filters(),
    ...optional("sinceNs", exchange.query.timeNs("since")),
    ...optional("untilNs", exchange.query.timeNs("until")),
  };
  const messages = exchange.engine.events(query, exchange.context);
  return exchange.stream("application/json", encodeLines(messages));
};

/** A property only when there is a value for it. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

export const systemRoutes: Route[] = [
  { method: "HEAD", path: "/_ping", name: "ping", handle: ping },
  { method: "GET", path: "/_ping", name: "ping", handle: ping },
  {
    method: "GET",
    path: "/version",
    name: "version",
    handle: async (exchange) => exchange.send(200, await exchange.engine.version(exchange.context)),
  },
  {
    method: "GET",
    path: "/info",
    name: "info",
    handle: async (exchange) => exchange.send(200, await exchange.engine.info(exchange.context)),
  },
  {
    method: "GET",
    path: "/system/df",
    name: "system.df",
    handle: async (exchange) => {
      const types = exchange.query.all("type");
      exchange.send(200, await exchange.engine.diskUsage(types, exchange.context));
    },
  },
  { method: "GET", path: "/events", name: "events", handle: sendEvents },
];
