import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { DeviceMapping } from "#wire/docker-api/types/container_config.ts";
import { deviceMajor, deviceMinor } from "../archive/file_mode.ts";
import { broken, invalid } from "../refusals.ts";
import type { OciDevice, OciDeviceRule } from "./oci_types.ts";

/** Most device nodes that one folder given to --device, or /dev itself, may bring. */
const MAX_DEVICES = 4096;
const S_IFMT = 0o170000;

export interface ResolvedDevices {
  devices: OciDevice[];
  rules: OciDeviceRule[];
}

function nodeType(stats: Stats): "c" | "b" | undefined {
  if (stats.isCharacterDevice()) return "c";
  return stats.isBlockDevice() ? "b" : undefined;
}

function device(stats: Stats, type: string, path: string): OciDevice {
  return {
    path,
    type,
    major: deviceMajor(stats.rdev),
    minor: deviceMinor(stats.rdev),
    fileMode: stats.mode & ~S_IFMT,
    uid: stats.uid,
    gid: stats.gid,
  };
}

const rule = (found: OciDevice, access: string): OciDeviceRule => ({
  allow: true,
  type: found.type,
  major: found.major,
  minor: found.minor,
  access,
});

/** `--device`: one node, or every node below a folder. */
export function resolveDevices(mappings: readonly DeviceMapping[]): ResolvedDevices {
  const out: ResolvedDevices = { devices: [], rules: [] };
  for (const { PathOnHost, PathInContainer, CgroupPermissions } of mappings) {
    const access = CgroupPermissions || "rwm";
    const target = PathInContainer || PathOnHost;
    const stats = statOrRefuse(PathOnHost);
    const type = nodeType(stats);
    const found = type
      ? [device(stats, type, target)]
      : stats.isDirectory()
        ? devicesBelow(PathOnHost, target)
        : [];
    if (found.length === 0) {
      throw broken(
        "resolve device",
        "error gathering device information while adding custom device " +
          `${JSON.stringify(PathOnHost)}: not a device node`,
      );
    }
    for (const one of found) {
      out.devices.push(one);
      out.rules.push(rule(one, access));
    }
  }
  return out;
}

function statOrRefuse(path: string): Stats {
  try {
    return statSync(path);
  } catch {
    throw broken(
      "resolve device",
      "error gathering device information while adding custom device " +
        `${JSON.stringify(path)}: no such file or directory`,
      [{ kind: "path", value: "missing on the host", ref: path }],
    );
  }
}

const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]);

function devicesBelow(folder: string, target: string): OciDevice[] {
  const out: OciDevice[] = [];
  const pending: [string, string][] = [[folder, target]];
  while (pending.length > 0 && out.length < MAX_DEVICES) {
    const [from, to] = pending.pop()!;
    for (const name of readdirSync(from)) {
      if (SKIPPED.has(name) || name === "console") continue;
      let stats: Stats;
      try {
        stats = lstatSync(join(from, name));
      } catch {
        // Hot-plugged nodes come and go.
        continue;
      }
      const type = nodeType(stats);
      if (type) out.push(device(stats, type, join(to, name)));
      else if (stats.isDirectory()) pending.push([join(from, name), join(to, name)]);
    }
  }
  return out;
}

/** `--privileged`: every device of the host, and a rule that allows all. */
export function privilegedDevices(): ResolvedDevices {
  return { devices: devicesBelow("/dev", "/dev"), rules: [{ allow: true, access: "rwm" }] };
}

const DEVICE_RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

/** `--device-cgroup-rule`: "c 1:3 rwm". */
export function parseDeviceRules(texts: readonly string[]): OciDeviceRule[] {
  return texts.map((text) => {
    const match = DEVICE_RULE.exec(text);
    if (!match) {
      throw invalid("parse device rule", `invalid device cgroup rule format: '${text}'`);
    }
    const parsed: OciDeviceRule = { allow: true, type: match[1]!, access: match[4]! };
    if (match[2] !== "*") parsed.major = Number(match[2]);
    if (match[3] !== "*") parsed.minor = Number(match[3]);
    return parsed;
  });
}

const node = (number: number, second: number, allow = true): OciDeviceRule => ({
  allow,
  type: "c",
  major: number,
  minor: second,
  access: "rwm",
});

/** zero, null, urandom, random, tty, console; fuse is refused by name. Dockerd's list. */
export const DEFAULT_DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  node(1, 5),
  node(1, 3),
  node(1, 9),
  node(1, 8),
  node(5, 0),
  node(5, 1),
  node(10, 229, false),
];
