import type { DockerEngine } from "../engine.ts";
import type { NetworkView } from "../types/network.ts";
import type { DiskUsage, EventMessage, SystemInfo, VersionView } from "../types/system.ts";
import type { VolumeListView, VolumesPruned, VolumeView } from "../types/volume.ts";
import { bodyOf, readJsonLines } from "./json_lines.ts";
import { filtersText, segment, timeText } from "./path_segment.ts";
import type { DockerTransport } from "./transport.ts";

type SystemPart = Pick<
  DockerEngine,
  | "ping"
  | "version"
  | "info"
  | "diskUsage"
  | "events"
  | "volumeList"
  | "volumeCreate"
  | "volumeInspect"
  | "volumeRemove"
  | "volumePrune"
  | "networkList"
  | "networkInspect"
  | "networkCreate"
  | "networkConnect"
  | "networkDisconnect"
  | "networkRemove"
  | "networkPrune"
>;

/** The daemon itself, volumes and networks, over HTTP. */
export function systemClient(http: DockerTransport): SystemPart {
  return {
    ping: async (context) => {
      const reply = await http.fetchPath("GET", "/_ping", {}, context);
      await reply.text();
      const header = (name: string) => reply.headers.get(name) ?? "";
      return {
        apiVersion: header("api-version"),
        osType: header("ostype"),
        experimental: header("docker-experimental") === "true",
        builderVersion: header("builder-version"),
        swarm: header("swarm"),
      };
    },
    version: (context) => http.json<VersionView>("GET", "/version", {}, context),
    info: (context) => http.json<SystemInfo>("GET", "/info", {}, context),
    diskUsage: (types, context) =>
      http.json<DiskUsage>("GET", "/system/df", { query: { type: types } }, context),
    events: async function* (query, context) {
      const values = {
        since: timeText(query.sinceNs),
        until: timeText(query.untilNs),
        filters: filtersText(query.filters),
      };
      const reply = await http.request("GET", "/events", { query: values }, context);
      yield* readJsonLines<EventMessage>(bodyOf(reply));
    },
    ...volumes(http),
    ...networks(http),
  };
}

function volumes(http: DockerTransport) {
  return {
    volumeList: (filters, context) =>
      http.json<VolumeListView>(
        "GET",
        "/volumes",
        { query: { filters: filtersText(filters) } },
        context,
      ),
    volumeCreate: (body, context) =>
      http.json<VolumeView>("POST", "/volumes/create", { json: body }, context),
    volumeInspect: (name, context) =>
      http.json<VolumeView>("GET", `/volumes/${segment(name)}`, {}, context),
    volumeRemove: async (name, force, context) => {
      await http.status("DELETE", `/volumes/${segment(name)}`, { query: { force } }, context);
    },
    volumePrune: (filters, context) =>
      http.json<VolumesPruned>(
        "POST",
        "/volumes/prune",
        { query: { filters: filtersText(filters) } },
        context,
      ),
  } satisfies Partial<SystemPart>;
}

function networks(http: DockerTransport) {
  return {
    networkList: (filters, context) =>
      http.json<NetworkView[]>(
        "GET",
        "/networks",
        { query: { filters: filtersText(filters) } },
        context,
      ),
    networkInspect: (name, context) =>
      http.json<NetworkView>("GET", `/networks/${segment(name)}`, {}, context),
    networkCreate: (body, context) =>
      http.json<{ Id: string; Warning: string }>(
        "POST",
        "/networks/create",
        { json: body },
        context,
      ),
    networkConnect: async (name, body, context) => {
      const path = `/networks/${segment(name)}/connect`;
      await http.status("POST", path, { json: body }, context);
    },
    networkDisconnect: async (name, body, context) => {
      const path = `/networks/${segment(name)}/disconnect`;
      await http.status("POST", path, { json: body }, context);
    },
    networkRemove: async (name, context) => {
      await http.status("DELETE", `/networks/${segment(name)}`, {}, context);
    },
    networkPrune: (filters, context) =>
      http.json<{ NetworksDeleted: string[] | null }>(
        "POST",
        "/networks/prune",
        { query: { filters: filtersText(filters) } },
        context,
      ),
  } satisfies Partial<SystemPart>;
}
