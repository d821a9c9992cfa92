import type {
  NetworkConnectBody,
  NetworkCreateBody,
  NetworkDisconnectBody,
} from "../types/network.ts";
import type { Exchange } from "./exchange.ts";
import { NETWORK_CONNECT, NETWORK_CREATE, NETWORK_DISCONNECT } from "./request_shapes.ts";
import type { Route } from "./route.ts";

async function list(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  exchange.send(200, await exchange.engine.networkList(filters, exchange.context));
}

export const networkRoutes: Route[] = [
  { method: "GET", path: "/networks", name: "network.list", handle: list },
  { method: "GET", path: "/networks/", name: "network.list", handle: list },
  {
    method: "POST",
    path: "/networks/create",
    name: "network.create",
    handle: async (exchange) => {
      const body = await exchange.json<NetworkCreateBody>(NETWORK_CREATE, "CreateRequest");
      exchange.send(201, await exchange.engine.networkCreate(body, exchange.context));
    },
  },
  {
    method: "POST",
    path: "/networks/prune",
    name: "network.prune",
    handle: async (exchange) => {
      const filters = exchange.query.filters();
      exchange.send(200, await exchange.engine.networkPrune(filters, exchange.context));
    },
  },
  {
    method: "POST",
    path: "/networks/{}/connect",
    name: "network.connect",
    handle: async (exchange) => {
      const body = await exchange.json<NetworkConnectBody>(NETWORK_CONNECT, "ConnectRequest");
      const [network = ""] = exchange.params;
      await exchange.engine.networkConnect(network, body, exchange.context);
      exchange.sendEmpty(200);
    },
  },
  {
    method: "POST",
    path: "/networks/{}/disconnect",
    name: "network.disconnect",
    handle: async (exchange) => {
      const body = await exchange.json<NetworkDisconnectBody>(
        NETWORK_DISCONNECT,
        "DisconnectRequest",
      );
      const [network = ""] = exchange.params;
      await exchange.engine.networkDisconnect(network, body, exchange.context);
      exchange.sendEmpty(200);
    },
  },
  {
    method: "GET",
    path: "/networks/{}",
    name: "network.inspect",
    handle: async (exchange) => {
      const view = await exchange.engine.networkInspect(exchange.params[0]!, exchange.context);
      exchange.send(200, view);
    },
  },
  {
    method: "DELETE",
    path: "/networks/{}",
    name: "network.remove",
    handle: async (exchange) => {
      await exchange.engine.networkRemove(exchange.params[0]!, exchange.context);
      exchange.sendEmpty(204);
    },
  },
];
