import { cleanPath } from "#lib/linux/path.ts";
import { lookUp } from "../spec/name_table.ts";
import { type PlanBuilder, specError } from "../spec/plan_builder.ts";
import type { CreateInputs } from "../spec/plan_inputs.ts";
import type { DeviceNode } from "../spec/spec_types.ts";

/** Every container has these, whatever its spec says. */
const DEFAULT_DEVICES: readonly DeviceNode[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3 },
  { path: "/dev/random", type: "c", major: 1, minor: 8 },
  { path: "/dev/full", type: "c", major: 1, minor: 7 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9 },
];

const DEFAULT_LINKS = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
] as const;

const TYPE_BITS: Record<string, number> = { c: 0o20000, u: 0o20000, b: 0o60000, p: 0o10000 };

/** Device nodes, /dev/ptmx and the usual links: unless the spec binds a /dev of its own. */
export function compileDevices(
  plan: PlanBuilder,
  inputs: CreateInputs,
  userNamespace: boolean,
): void {
  const bindOnly = userNamespace || inputs.facts.inUserNamespace;
  const devices = [...DEFAULT_DEVICES, ...(inputs.spec.linux?.devices ?? [])];
  for (const [index, device] of devices.entries()) {
    const at = `linux.devices[${index - DEFAULT_DEVICES.length}].type`;
    const path = cleanPath(`/${device.path}`);
    // /dev/ptmx is a link into the container's own terminals, whatever the spec lists.
    if (device.path === "" || path === "/dev/ptmx") continue;
    const mode = typeBits(device, at);
    if ((device.major ?? 0) < 0 || (device.minor ?? 0) < 0) {
      const why = "error creating device nodes: cannot mkdev() device with wildcards";
      throw specError(why, at.replace(/type$/, "major"));
    }
    plan.add({
      op: "mknod",
      path,
      mode: mode | ((device.fileMode ?? 0o666) & 0o7777),
      major: device.major ?? 0,
      minor: device.minor ?? 0,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
      bindOnly,
    });
  }
  plan.add({ op: "symlink", target: "pts/ptmx", path: "/dev/ptmx", replace: true });
  for (const [target, path] of DEFAULT_LINKS) {
    plan.add({ op: "symlink", target, path, replace: false });
  }
  if (inputs.facts.kcore) {
    plan.add({ op: "symlink", target: "/proc/kcore", path: "/dev/core", replace: false });
  }
}

function typeBits(device: DeviceNode, at: string): number {
  const bits = lookUp(TYPE_BITS, device.type);
  if (bits === undefined) {
    throw specError(`invalid device type "${device.type}" for device ${device.path}`, at);
  }
  return bits;
}
