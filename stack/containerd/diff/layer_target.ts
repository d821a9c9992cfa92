import { failure } from "#lib/errors/chain_error.ts";

/** A mount as a request carries it. */
export interface RequestMount {
  type: string;
  source: string;
  options: readonly string[];
}

/** Where the files of a layer go, and how whiteouts look there. */
export interface LayerTarget {
  /** The folder that is written. */
  folder: string;
  /** Folders of the layers below, nearest first; empty unless `overlay`. */
  lower: string[];
  /** Whiteouts become overlayfs's own marks instead of deletions. */
  overlay: boolean;
}

/**
 * Finds the folder behind a snapshot's mounts. An overlay's upper folder is written directly, as
 * genuine containerd does: nothing needs to be mounted, and overlayfs would only be in the way.
 */
export function layerTarget(mounts: readonly RequestMount[]): LayerTarget {
  const [mount] = mounts;
  if (!mount || mounts.length !== 1) throw unusable(`${mounts.length} mounts instead of one`);
  if (mount.type === "overlay") {
    const folder = optionValue(mount.options, "upperdir");
    if (!folder) throw unusable("an overlay without upperdir is read-only");
    const lower = optionValue(mount.options, "lowerdir")?.split(":") ?? [];
    return { folder, lower, overlay: true };
  }
  if (mount.type === "bind" || mount.options.some((o) => o === "bind" || o === "rbind")) {
    if (mount.options.includes("ro")) throw unusable("it is mounted read-only");
    return { folder: mount.source, lower: [], overlay: false };
  }
  throw unusable(`mount type ${JSON.stringify(mount.type)}`);
}

/** The value of a mount option `name=value`; undefined when it is not there. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

function unusable(reason: string) {
  return failure({
    layer: "containerd",
    op: "diff.mounts",
    code: "invalid_argument",
    message: `cannot write a layer to these mounts: ${reason}`,
  });
}
