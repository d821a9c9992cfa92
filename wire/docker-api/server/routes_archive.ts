import type { PathStat } from "../types/container_view.ts";
import { type Exchange, refusal } from "./exchange.ts";
import type { Route } from "./route.ts";

/** Header that tells what lies at the path: JSON in base64. */
const statHeader = (stat: PathStat) => ({
  "X-Docker-Container-Path-Stat": Buffer.from(JSON.stringify(stat)).toString("base64"),
});

function requiredPath(exchange: Exchange): string {
  const path = exchange.query.text("path");
  if (path === "") throw refusal("bad parameter: 'path' cannot be empty");
  if (path.includes("\0")) throw refusal("bad parameter: 'path' holds a null byte");
  return path;
}

async function head(exchange: Exchange): Promise<void> {
  const [id] = exchange.params;
  const stat = await exchange.engine.containerArchiveStat(
    id!,
    requiredPath(exchange),
    exchange.context,
  );
  exchange.sendEmpty(200, statHeader(stat));
}

async function get(exchange: Exchange): Promise<void> {
  const [id] = exchange.params;
  const { stat, tar } = await exchange.engine.containerArchiveGet(
    id!,
    requiredPath(exchange),
    exchange.context,
  );
  await exchange.stream("application/x-tar", tar, statHeader(stat));
}

async function put(exchange: Exchange): Promise<void> {
  const { query, engine, context } = exchange;
  const options = {
    path: requiredPath(exchange),
    noOverwriteDirNonDir: query.flag("noOverwriteDirNonDir"),
    copyUidGid: query.flag("copyUIDGID"),
  };
  await engine.containerArchivePut(exchange.params[0]!, options, exchange.body(), context);
  exchange.sendEmpty(200);
}

export const archiveRoutes: Route[] = [
  { method: "HEAD", path: "/containers/{}/archive", name: "container.archiveStat", handle: head },
  { method: "GET", path: "/containers/{}/archive", name: "container.archiveGet", handle: get },
  { method: "PUT", path: "/containers/{}/archive", name: "container.archivePut", handle: put },
  {
    method: "GET",
    path: "/containers/{}/export",
    name: "container.export",
    handle: async (exchange) => {
      const [id] = exchange.params;
      const tar = await exchange.engine.containerExport(id!, exchange.context);
      await exchange.stream("application/octet-stream", tar);
    },
  },
];
