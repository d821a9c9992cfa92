import { existsSync } from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { Container } from "../container/container.ts";
import type { MountRecord } from "../container/container_record.ts";
import type { Daemon } from "../daemon.ts";
import { invalid } from "../refusals.ts";
import type { Unwind } from "../unwind.ts";
import type { WantedMount } from "../volumes/mount_request.ts";

const op = "create container";

/** A container that another's configuration names: dockerd refuses the configuration, by 400. */
export function donorOf(daemon: Daemon, ref: string): Container {
  try {
    return daemon.find(ref);
  } catch (error) {
    if (!(error instanceof ChainError) || error.outer.code !== "not_found") throw error;
    throw invalid(op, error.outer.message);
  }
}

/** Mounts of other containers, as --volumes-from asks for them. */
export function inheritedMounts(daemon: Daemon, from: readonly string[]): WantedMount[] {
  return from.flatMap((text) => {
    const [ref = "", mode = ""] = text.split(":");
    if (!/^(|ro|rw|z|Z)$/.test(mode)) throw invalid(op, `invalid mode for volumes-from: ${mode}`);
    return donorOf(daemon, ref).record.mounts.map(
      (mount): WantedMount => ({
        type: mount.Type as WantedMount["type"],
        source: mount.Name ?? mount.Source,
        destination: mount.Destination,
        mode: mount.Mode,
        readonly: mode === "ro" || !mount.RW,
        propagation: mount.Propagation,
        recursive: true,
        createSource: mount.sourceMustExist !== true,
        copyUp: false,
        tmpfsOptions: mount.Type === "tmpfs" ? mount.options : [],
      }),
    );
  });
}

/**
 * How mounts spread between a bind and its source. One that holds the daemon's own folder must not
 * keep what the daemon unmounts there, so it follows the host unless the client says otherwise.
 */
function bindPropagation(daemon: Daemon, { source, propagation }: WantedMount): string {
  const { root } = daemon.options;
  const nested = within(source, root) || within(root, source);
  if (!nested) return propagation || "rprivate";
  if (["", "rslave", "rshared"].includes(propagation)) return propagation || "rslave";
  throw invalid(
    op,
    'invalid mount config: must use either propagation mode "rslave" or "rshared" when mount ' +
      `source is within the daemon root, daemon root: ${JSON.stringify(root)}, bind mount ` +
      `source: ${JSON.stringify(source)}, propagation: ${JSON.stringify(propagation)}`,
  );
}

const within = (path: string, folder: string) =>
  path === folder || folder === "/" || path.startsWith(`${folder}/`);

/** A wanted mount as it is recorded; its volume is made where there is none. */
export function mountRecord(daemon: Daemon, want: WantedMount, unwind: Unwind): MountRecord {
  const common = {
    Destination: want.destination,
    Mode: want.mode,
    RW: !want.readonly,
    Propagation: want.type === "bind" ? bindPropagation(daemon, want) : want.propagation,
  };
  if (want.type === "tmpfs") {
    const options = ["noexec", "nosuid", "nodev", "rprivate", ...want.tmpfsOptions];
    return { Type: "tmpfs", Source: "", ...common, Mode: "", options: mergeTmpfs(options) };
  }
  const options = [want.recursive ? "rbind" : "bind", ...(want.readonly ? ["ro"] : [])];
  if (common.Propagation) options.push(common.Propagation);
  if (want.type === "bind") {
    const bind = { Type: "bind", Source: want.source, ...common, options } as const;
    return want.createSource ? bind : { ...bind, sourceMustExist: true };
  }
  const { record, made } = daemon.volumes.create({
    Name: want.source || null,
    Driver: want.driver ?? null,
    DriverOpts: want.driverOptions ?? null,
    Labels: want.labels ?? null,
  });
  if (made) {
    unwind.add("remove volume", () => daemon.volumes.remove(record.name));
    daemon.events.publish("volume", "create", record.name, { driver: "local" });
  }
  const folder = daemon.volumes.use(record.name);
  const source = want.subpath ? subfolder(folder, want.subpath) : folder;
  return {
    Type: "volume",
    Name: record.name,
    Source: source,
    Driver: "local",
    ...common,
    Mode: want.mode || (want.source === "" ? "" : "z"),
    options,
    ...(want.source === "" ? { anonymous: true } : {}),
  };
}

/** `volume-subpath`: a folder of the volume, which must be there and inside. */
function subfolder(folder: string, subpath: string): string {
  if (subpath.startsWith("/") || subpath.split("/").includes("..")) {
    throw invalid(op, `volume subpath ${JSON.stringify(subpath)} must be a relative path inside`);
  }
  const path = join(folder, subpath);
  if (!existsSync(path)) throw invalid(op, `volume subpath ${JSON.stringify(subpath)} is missing`);
  return path;
}

/** Later options replace earlier ones that they contradict. */
function mergeTmpfs(options: string[]): string[] {
  const out = new Map<string, string>();
  const key = (option: string) =>
    option.includes("=")
      ? option.split("=", 1)[0]!
      : option.replace(/^(no)?/, "").replace(/^r[ow]$/, "rw");
  for (const option of options) out.set(key(option), option);
  return [...out.values()];
}
