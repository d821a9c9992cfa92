import { cleanPath } from "#lib/linux/path.ts";
import { specError } from "../spec/plan_builder.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import { type CgroupLayout, type CgroupMount, V1_CONTROLLERS } from "./cgroup_layout.ts";

/** The folders of a container's cgroup: by v1 controller, and "" in the unified hierarchy. */
export type CgroupPaths = Record<string, string>;

/**
 * Where `linux.cgroupsPath` places a container: absolute, relative, empty (the container's id), or
 * `slice:prefix:name` when systemd manages cgroups. Refuses one that has none of these
 * forms.
 */
export function cgroupLocation(
  cgroupsPath: string | undefined,
  id: string,
  systemd: boolean,
): Pick<CgroupConfig, "name" | "parent" | "path" | "scope_prefix" | "Systemd"> {
  if (systemd) {
    if (!cgroupsPath) return { name: id, path: "", scope_prefix: "runc", Systemd: true };
    const parts = cgroupsPath.split(":");
    if (parts.length !== 3) {
      throw specError(
        'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, ' +
          `got ${JSON.stringify(cgroupsPath)} instead`,
        "linux.cgroupsPath",
      );
    }
    const [parent, prefix, name] = parts as [string, string, string];
    return { parent, scope_prefix: prefix, name, path: "", Systemd: true };
  }
  const path = cleanPath(cgroupsPath ?? "");
  const location = { path, scope_prefix: "", Systemd: false };
  return path === "" ? { ...location, name: id } : location;
}

/** The slices that contain a systemd slice: "a-b.slice" lies in "a.slice/a-b.slice". */
export function expandSlice(slice: string): string {
  const suffix = ".slice";
  if (slice === "-.slice") return "";
  const stem = slice.slice(0, -suffix.length);
  if (!slice.endsWith(suffix) || slice.includes("/") || stem === "" || /^-|-$|--/.test(stem)) {
    throw specError(`invalid slice name: ${slice}`, "linux.cgroupsPath");
  }
  let prefix = "";
  const folders: string[] = [];
  for (const part of stem.split("-")) {
    folders.push(`${prefix}${part}${suffix}`);
    prefix += `${part}-`;
  }
  return folders.join("/");
}

/** The unit that holds a container: a name that ends in .slice is a slice, any other a scope. */
export function systemdUnitName(config: CgroupConfig): string {
  const name = config.name ?? "";
  if (name.endsWith(".slice")) return name;
  return config.scope_prefix ? `${config.scope_prefix}-${name}.scope` : `${name}.scope`;
}

/** The folder of a systemd unit below a hierarchy's root, as systemd itself would place it. */
export function systemdInnerPath(config: CgroupConfig): string {
  const slice = expandSlice(config.parent || defaultSlice());
  const unit = systemdUnitName(config);
  return slice === "" ? `/${unit}` : `/${slice}/${unit}`;
}

/** Where units lie unless told: a user's own systemd has no system.slice. */
export function defaultSlice(): string {
  return process.geteuid!() === 0 ? "system.slice" : "user.slice";
}

function innerPath(config: CgroupConfig): string {
  if (config.Systemd) return systemdInnerPath(config);
  const path = cleanPath(config.path ?? "");
  if (path !== "") return path;
  const parent = cleanPath(config.parent ?? "");
  const name = cleanPath(config.name ?? "");
  return parent === "" ? name : `${parent}/${name}`;
}

/** Our own cgroup in a hierarchy, as a folder below its mount. */
function ownFolder(mount: CgroupMount, own: string): string {
  const below =
    mount.root !== "/" && own.startsWith(mount.root) ? own.slice(mount.root.length) : own;
  return below === "/" || below === "" ? mount.path : `${mount.path}${below}`;
}

const join = (folder: string, inner: string) =>
  inner.startsWith("/") ? `${folder}${inner}` : `${folder}/${inner}`;

/**
 * The folders of a container's cgroup in every hierarchy. An absolute path counts from the
 * hierarchy's mount, a relative one from the runtime's own cgroup (on v2 from its parent, since a
 * cgroup that holds processes cannot delegate controllers).
 */
export function cgroupPaths(
  layout: CgroupLayout,
  own: Record<string, string>,
  config: CgroupConfig,
): CgroupPaths {
  const inner = innerPath(config);
  const absolute = inner.startsWith("/");
  const paths: CgroupPaths = {};
  if (layout.pureV2) {
    const mount = layout.unified!;
    const parent = (own[""] ?? "/").replace(/\/[^/]*$/, "");
    paths[""] = join(absolute ? mount.path : ownFolder(mount, parent), inner);
    return paths;
  }
  for (const controller of V1_CONTROLLERS) {
    const mount = layout.v1[controller];
    if (!mount) continue;
    paths[controller] = join(
      absolute ? mount.path : ownFolder(mount, own[controller] ?? "/"),
      inner,
    );
  }
  if (layout.unified) {
    paths[""] = join(
      absolute ? layout.unified.path : ownFolder(layout.unified, own[""] ?? "/"),
      inner,
    );
  }
  return paths;
}

/** True when the container lives in the unified hierarchy alone. */
export function isUnified(paths: CgroupPaths): boolean {
  return Object.keys(paths).length === 1 && paths[""] !== undefined;
}

/** The folder whose cgroup.procs lists the container's processes. */
export function mainFolder(paths: CgroupPaths): string | undefined {
  return paths["devices"] ?? paths[""] ?? Object.values(paths)[0];
}
