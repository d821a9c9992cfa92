import type { VolumeCreateBody } from "../types/volume.ts";
import { VOLUME_CREATE } from "./request_shapes.ts";
import type { Route } from "./route.ts";

export const volumeRoutes: Route[] = [
  {
    method: "GET",
    path: "/volumes",
    name: "volume.list",
    handle: async (exchange) => {
      const filters = exchange.query.filters();
      exchange.send(200, await exchange.engine.volumeList(filters, exchange.context));
    },
  },
  {
    method: "POST",
    path: "/volumes/create",
    name: "volume.create",
    handle: async (exchange) => {
      const body = await exchange.json<VolumeCreateBody>(VOLUME_CREATE, "CreateOptions");
      exchange.send(201, await exchange.engine.volumeCreate(body, exchange.context));
    },
  },
  {
    method: "POST",
    path: "/volumes/prune",
    name: "volume.prune",
    handle: async (exchange) => {
      const filters = exchange.query.filters();
      exchange.send(200, await exchange.engine.volumePrune(filters, exchange.context));
    },
  },
  {
    method: "GET",
    path: "/volumes/{}",
    name: "volume.inspect",
    handle: async (exchange) => {
      const view = await exchange.engine.volumeInspect(exchange.params[0]!, exchange.context);
      exchange.send(200, view);
    },
  },
  {
    method: "DELETE",
    path: "/volumes/{}",
    name: "volume.remove",
    handle: async (exchange) => {
      const force = exchange.query.flag("force");
      await exchange.engine.volumeRemove(exchange.params[0]!, force, exchange.context);
      exchange.sendEmpty(204);
    },
  },
];
