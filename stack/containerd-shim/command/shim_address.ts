import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";

/** Where shims of any kind put their sockets. */
const SOCKET_FOLDER = "/run/containerd/s";

/** What shares one shim. */
export type Grouping = "namespace" | "pod" | "container";

/** A container's own wish, in config.json. */
const GROUPING_ANNOTATION = "io.catena.shim.grouping";
/** How containerd's shim and CRI name a pod. */
const POD_ANNOTATIONS = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];

/**
 * The socket of the shim that is to serve a container: one for all of a namespace, unless the
 * container's annotation or CATENA_SHIM_GROUPING says pod or container. `folder` is the inode of
 * the namespace's folder of bundles: once that was wiped and made again, a shim that still serves
 * what was in it is not to get containers.
 */
export function shimSocketPath(
  containerd: string,
  namespace: string,
  folder: number,
  id: string,
  annotations: Record<string, string>,
  env: NodeJS.ProcessEnv,
): string {
  const group = groupOf(groupingOf(annotations, env), id, annotations);
  const hash = createHash("sha256").update(
    join(containerd, namespace, "catena", String(folder), group),
  );
  return join(SOCKET_FOLDER, hash.digest("hex"));
}

/** What a container wants to share its shim with. */
export function groupingOf(annotations: Record<string, string>, env: NodeJS.ProcessEnv): Grouping {
  const wish = annotations[GROUPING_ANNOTATION] ?? env["CATENA_SHIM_GROUPING"];
  return wish === "container" || wish === "pod" ? wish : "namespace";
}

function groupOf(grouping: Grouping, id: string, annotations: Record<string, string>): string {
  if (grouping === "container") return `container/${id}`;
  if (grouping === "namespace") return "namespace";
  const pod = POD_ANNOTATIONS.map((name) => annotations[name]).find(Boolean);
  return pod ? `pod/${pod}` : `container/${id}`;
}

/** The annotations of a bundle's config.json. */
export function readAnnotations(bundle: string): Record<string, string> {
  try {
    const spec = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as {
      annotations?: Record<string, string>;
    };
    return spec.annotations ?? {};
  } catch (thrown) {
    throw toChainError(thrown, "shim", "start").wrap({
      layer: "shim",
      op: "start",
      code: "invalid_argument",
      message: `read ${join(bundle, "config.json")}`,
    });
  }
}
