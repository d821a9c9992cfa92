import { join, resolve } from "node:path";
import { recordError } from "#lib/errors/error_record.ts";
import { Log } from "#lib/log/log.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import { createDockershim, type NetworkChoice } from "#stack/dockershim/main.ts";
import { serveCri } from "#wire/cri/server.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";

/** How long calls under way may take to end when the daemon is told to stop. */
const GRACE_MS = 1000;

export interface PodFlags {
  root: string;
  state: string;
  podNetwork?: NetworkChoice;
  /** Folder of pods' network configurations; undefined for the usual one. */
  cniConfDir?: string;
  /** Folders of the plugins that these name; none for the usual ones. */
  cniBinDir?: string[];
  debug?: boolean;
}

/**
 * The dockershim of `catena daemon`: on STATE/cri.sock, over a dockerd in this process. What is
 * opened is added to `unwind`. Returns the services, for a kubelet in this process.
 */
export async function servePods(
  engine: DockerEngine,
  flags: PodFlags,
  spans: SpanSink | undefined,
  unwind: (() => Promise<void> | void)[],
) {
  const { root, state, podNetwork: network, cniConfDir, cniBinDir, debug } = flags;
  const shim = await createDockershim({
    engine,
    root: join(root, "dockershim"),
    state,
    log: new Log("dockershim", debug ? "debug" : "info"),
    ...(network && { network }),
    ...(cniConfDir !== undefined && { confDir: resolve(cniConfDir) }),
    ...(cniBinDir?.length && { binDirs: cniBinDir.map((folder) => resolve(folder)) }),
    ...(spans && { spans }),
  });
  unwind.push(() => shim.close());
  const address = join(state, "cri.sock");
  const server = await serveCri(shim.services, address, (error) => recordError(state, error));
  unwind.push(() => server.close(GRACE_MS));
  return shim.services;
}
