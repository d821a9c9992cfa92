import type { RegistryAuth } from "../types/registry.ts";
import { sendMessages } from "./json_stream.ts";
import { REGISTRY_AUTH, registryAuth } from "./registry_header.ts";
import type { Route } from "./route.ts";

/** What asks a registry. */
export const registryRoutes: Route[] = [
  {
    method: "POST",
    path: "/images/{}/push",
    name: "image.push",
    handle: (exchange) => {
      const { engine, context, params, query } = exchange;
      const auth = registryAuth(exchange);
      return sendMessages(exchange, engine.imagePush(params[0]!, query.text("tag"), context, auth));
    },
  },
  {
    method: "GET",
    path: "/images/search",
    name: "image.search",
    handle: async (exchange) => {
      const { engine, context, query } = exchange;
      const limit = query.int("limit");
      const options = {
        term: query.text("term"),
        filters: query.filters(),
        ...(limit === undefined ? {} : { limit }),
      };
      exchange.send(200, await engine.imageSearch(options, context, registryAuth(exchange)));
    },
  },
  {
    method: "GET",
    path: "/distribution/{}/json",
    name: "distribution.inspect",
    handle: async (exchange) => {
      const { engine, context, params } = exchange;
      const auth = registryAuth(exchange);
      exchange.send(200, await engine.distributionInspect(params[0]!, context, auth));
    },
  },
  {
    method: "POST",
    path: "/auth",
    name: "auth",
    handle: async (exchange) => {
      const auth = await exchange.json<RegistryAuth>(REGISTRY_AUTH, "AuthConfig");
      exchange.send(200, await exchange.engine.registryLogin(auth, exchange.context));
    },
  },
];
