import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { Log } from "#lib/log/log.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import { createKubelet } from "#stack/kubelet/main.ts";
import { localCri } from "#wire/cri/client/cri_client.ts";
import type { CriImplementation } from "#wire/cri/services.ts";
import { recogniseText } from "./recognise_text.ts";

export interface KubeletFlags {
  root: string;
  state: string;
  /** The folder of static pods. */
  manifests: string;
  /** Of its HTTP API on loopback. */
  kubeletPort: number;
  /** The cgroup above its kubepods. */
  kubeletCgroupRoot: string;
  debug?: boolean;
}

/** The kubelet of `catena daemon`, over a dockershim in this process. Adds its end to `unwind`. */
export async function serveKubelet(
  cri: CriImplementation,
  flags: KubeletFlags,
  spans: SpanSink | undefined,
  unwind: (() => Promise<void> | void)[],
): Promise<void> {
  const { state, manifests, kubeletPort: port, debug } = flags;
  const root = join(flags.root, "kubelet");
  const kubelet = await createKubelet({
    cri: localCri(cri),
    criAddress: join(state, "cri.sock"),
    ...{ manifests: resolve(manifests), root, state, port },
    logs: join(root, "logs"),
    nodeName: hostname().toLowerCase(),
    address: "127.0.0.1",
    cgroupRoot: resolve("/", flags.kubeletCgroupRoot),
    imageGc: { highPercent: 85, lowPercent: 80 },
    recognise: recogniseText,
    log: new Log("kubelet", debug ? "debug" : "info"),
    ...(spans && { spans }),
  });
  unwind.push(() => kubelet.close());
}
