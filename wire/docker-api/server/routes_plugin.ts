import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./route.ts";

/** There are no plugins here: each that is asked for is not there, as a daemon without any says. */
function missing(exchange: Exchange): never {
  const name = JSON.stringify(exchange.params[0] ?? "");
  throw refusal("not_found", `plugin ${name} not found`);
}

function unsupported(): never {
  throw refusal("unimplemented", "plugins are not supported by this daemon");
}

const refusal = (code: "not_found" | "unimplemented", message: string): ChainError =>
  failure({ layer: "dockerd", op: "plugin", code, message });

const ONE = ["enable", "disable", "push", "set"];

export const pluginRoutes: Route[] = [
  {
    method: "GET",
    path: "/plugins",
    name: "plugin.list",
    handle: (exchange) => exchange.send(200, []),
  },
  {
    method: "GET",
    path: "/plugins/privileges",
    name: "plugin.privileges",
    handle: (exchange) => exchange.send(200, []),
  },
  { method: "POST", path: "/plugins/pull", name: "plugin.pull", handle: unsupported },
  { method: "POST", path: "/plugins/create", name: "plugin.create", handle: unsupported },
  { method: "GET", path: "/plugins/{}/json", name: "plugin.inspect", handle: missing },
  { method: "DELETE", path: "/plugins/{}", name: "plugin.remove", handle: missing },
  { method: "POST", path: "/plugins/{}/upgrade", name: "plugin.upgrade", handle: missing },
  ...ONE.map((verb) => ({
    method: "POST",
    path: `/plugins/{}/${verb}`,
    name: `plugin.${verb}`,
    handle: missing,
  })),
];
