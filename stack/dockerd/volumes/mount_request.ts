import { isAbsolute, normalize } from "node:path";
import type { HostConfig, MountRequest } from "#wire/docker-api/types/container_config.ts";
import { invalid } from "../refusals.ts";

/** What is to be mounted where, before volumes are made and sources looked at. */
export interface WantedMount {
  type: "bind" | "volume" | "tmpfs";
  /** Path of the host, or the volume's name; "" for one to be made up. */
  source: string;
  destination: string;
  /** The mode as the client wrote it: inspect shows it. */
  mode: string;
  readonly: boolean;
  propagation: string;
  recursive: boolean;
  /** -v makes a missing source; --mount refuses it. */
  createSource: boolean;
  /** A new volume gets what the image has at that place. */
  copyUp: boolean;
  labels?: Record<string, string>;
  driver?: string;
  driverOptions?: Record<string, string>;
  subpath?: string;
  tmpfsOptions: string[];
}

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const op = "read mounts";

function checkDestination(path: string, spec: string): string {
  if (!isAbsolute(path)) {
    // Of a path by itself there is no more to say.
    const where =
      spec === path
        ? ""
        : `invalid volume specification: '${spec}': invalid mount config for type "bind": `;
    throw invalid(op, `${where}invalid mount path: '${path}' mount path must be absolute`);
  }
  const clean = normalize(path).replace(/(.)\/+$/, "$1");
  if (clean === "/") {
    throw invalid(
      op,
      `invalid volume specification: '${spec}': invalid mount config for type ` +
        `"bind": invalid specification: destination can't be '/'`,
    );
  }
  return clean;
}

/** `source:destination[:mode]`, a host's path or a volume's name as the source. */
export function parseBind(text: string): WantedMount {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) {
    throw invalid(op, `invalid volume specification: '${text}'`);
  }
  const [first = "", second, third = ""] = parts;
  if (second === undefined) return anonymousVolume(first, text);
  const wanted: WantedMount = {
    type: isAbsolute(first) ? "bind" : "volume",
    source: isAbsolute(first) ? normalize(first).replace(/(.)\/+$/, "$1") : first,
    destination: checkDestination(second, text),
    mode: third,
    readonly: false,
    propagation: "",
    recursive: true,
    createSource: true,
    copyUp: true,
    tmpfsOptions: [],
  };
  if (wanted.type === "volume" && /[/\\]/.test(first)) {
    throw invalid(
      op,
      `create ${first}: ${JSON.stringify(first)} includes invalid characters for a local ` +
        'volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to ' +
        "pass a host directory, use absolute path",
    );
  }
  readMode(wanted, third);
  return wanted;
}

function readMode(wanted: WantedMount, mode: string): void {
  for (const item of mode.split(",").filter((text) => text !== "")) {
    if (item === "ro") wanted.readonly = true;
    else if (item === "nocopy") wanted.copyUp = false;
    else if (PROPAGATIONS.includes(item)) {
      if (wanted.type !== "bind") throw invalid(op, `invalid mode: ${mode}`);
      wanted.propagation = item;
    } else if (!["rw", "z", "Z", "delegated", "cached", "consistent"].includes(item)) {
      // z and Z relabel for SELinux, which is a no-op where it is off, as in dockerd.
      throw invalid(op, `invalid mode: ${mode}`);
    }
  }
}

/** A volume without a name, for one place in one container. */
export function anonymousVolume(destination: string, spec = destination): WantedMount {
  return {
    type: "volume",
    source: "",
    destination: checkDestination(destination, spec),
    mode: "",
    readonly: false,
    propagation: "",
    recursive: true,
    createSource: false,
    copyUp: true,
    tmpfsOptions: [],
  };
}

/** Options of a tmpfs that take a value, and those of any mount. */
const TMPFS_VALUES =
  /^(size|nr_blocks)=[0-9]+[kmg%]?$|^(nr_inodes)=[0-9]+[kmg]?$|^(mode)=[0-7]{1,4}$/i;
const TMPFS_OTHERS = /^(uid|gid)=[0-9]+$|^(mpol|huge)=[a-z0-9:=,_-]+$|^inode(32|64)$|^noswap$/;
const MOUNT_FLAGS =
  "ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime " +
  "diratime nodiratime bind rbind private rprivate shared rshared slave rslave unbindable " +
  "runbindable relatime norelatime strictatime nostrictatime defaults";
const FLAGS = new Set(MOUNT_FLAGS.split(" "));

/** `--tmpfs path[:options]` */
function tmpfs(destination: string, options: string): WantedMount {
  for (const option of options.split(",").filter((text) => text !== "")) {
    if (FLAGS.has(option) || TMPFS_VALUES.test(option) || TMPFS_OTHERS.test(option)) continue;
    throw invalid(op, `invalid tmpfs option ${JSON.stringify(option)}`);
  }
  if (destination === "/") throw invalid(op, "invalid specification: destination can't be '/'");
  return {
    ...anonymousVolume(destination),
    type: "tmpfs",
    copyUp: false,
    mode: options,
    tmpfsOptions: options === "" ? [] : options.split(","),
  };
}

const mountFault = (type: string, reason: string) =>
  invalid(op, `invalid mount config for type ${JSON.stringify(type)}: ${reason}`);

function parseMount(request: MountRequest): WantedMount {
  const type = request.Type || "bind";
  if (type !== "bind" && type !== "volume" && type !== "tmpfs") {
    throw mountFault(type, "mount type unknown");
  }
  if (!request.Target) throw mountFault(type, "field Target must not be empty");
  const source = request.Source ?? "";
  if (type === "bind") {
    if (source === "") throw mountFault(type, "field Source must not be empty");
    if (!isAbsolute(source))
      throw mountFault(type, `invalid mount path: '${source}' mount path must be absolute`);
  }
  if (type === "tmpfs" && source !== "")
    throw mountFault(type, "field Source must not be specified");
  const bind = request.BindOptions;
  const volume = request.VolumeOptions;
  if (bind?.Propagation && !PROPAGATIONS.includes(bind.Propagation)) {
    throw mountFault(type, `invalid propagation mode: ${bind.Propagation}`);
  }
  const wanted: WantedMount = {
    ...anonymousVolume(request.Target),
    type,
    source,
    readonly: request.ReadOnly === true,
    propagation: type === "bind" ? (bind?.Propagation ?? "") : "",
    recursive: bind?.NonRecursive !== true,
    createSource: bind?.CreateMountpoint === true,
    copyUp: type === "volume" && volume?.NoCopy !== true,
    tmpfsOptions: type === "tmpfs" ? tmpfsOptions(request) : [],
  };
  if (volume?.Labels) wanted.labels = volume.Labels;
  if (volume?.DriverConfig?.Name) wanted.driver = volume.DriverConfig.Name;
  if (volume?.DriverConfig?.Options) wanted.driverOptions = volume.DriverConfig.Options;
  if (volume?.Subpath) wanted.subpath = volume.Subpath;
  return wanted;
}

function tmpfsOptions(request: MountRequest): string[] {
  const options = request.TmpfsOptions;
  const out: string[] = [];
  if (options?.SizeBytes) out.push(`size=${options.SizeBytes}`);
  if (options?.Mode) out.push(`mode=${options.Mode.toString(8)}`);
  if (request.ReadOnly) out.push("ro");
  for (const pair of options?.Options ?? []) out.push(pair.join("="));
  return out;
}

/**
 * All that a container's configuration wants mounted. Throws when two want the same place. Volumes
 * of the image give way to what the client put there.
 */
export function wantedMounts(
  host: HostConfig,
  imageVolumes: readonly string[],
  inherited: readonly WantedMount[],
): WantedMount[] {
  const byPlace = new Map<string, WantedMount>();
  const put = (wanted: WantedMount) => {
    if (byPlace.has(wanted.destination)) {
      throw invalid(op, `Duplicate mount point: ${wanted.destination}`);
    }
    byPlace.set(wanted.destination, wanted);
  };
  for (const bind of host.Binds ?? []) put(parseBind(bind));
  for (const request of host.Mounts ?? []) put(parseMount(request));
  for (const [path, options] of Object.entries(host.Tmpfs ?? {})) put(tmpfs(path, options));
  for (const wanted of inherited) {
    if (!byPlace.has(wanted.destination)) byPlace.set(wanted.destination, wanted);
  }
  for (const path of imageVolumes) {
    const wanted = anonymousVolume(path);
    if (!byPlace.has(wanted.destination)) byPlace.set(wanted.destination, wanted);
  }
  return [...byPlace.values()];
}
