import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";

const ALL_CAPABILITIES = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE",
  "NET_ADMIN NET_RAW SYS_CHROOT SYS_PTRACE SYS_ADMIN SYS_NICE MKNOD AUDIT_WRITE SETFCAP",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

type Namespace = { type: string; path?: string };

/** The namespaces' list of a configuration, to be changed. */
export const namespacesOf = (config: RuntimeConfig) => config.linux["namespaces"] as Namespace[];

/** Adds a namespace, or gives one that is there a path. */
export function addNamespace(config: RuntimeConfig, type: string, path?: string): void {
  const kept = namespacesOf(config).filter((one) => one.type !== type);
  config.linux["namespaces"] = [...kept, path === undefined ? { type } : { type, path }];
}

/** Takes a namespace away: the container shares the host's. */
export function dropNamespace(config: RuntimeConfig, type: string): void {
  config.linux["namespaces"] = namespacesOf(config).filter((one) => one.type !== type);
}

/** Adds a mount at the end. */
export function addMount(config: RuntimeConfig, destination: string, rest: object): void {
  config.mounts.push({ destination, ...rest });
}

export interface BindWish {
  source: string;
  options?: string[];
}

/** Adds a bind mount; `rbind` unless the options say otherwise. */
export function addBind(config: RuntimeConfig, destination: string, wish: BindWish): void {
  const options = wish.options ?? ["rbind"];
  addMount(config, destination, { type: "bind", source: wish.source, options });
}

/** As privileged as a container of these tests gets. */
export function allowAll(config: RuntimeConfig): void {
  const sets = ["bounding", "effective", "permitted", "inheritable"];
  const capabilities = Object.fromEntries(sets.map((set) => [set, ALL_CAPABILITIES]));
  Object.assign(config.process, { capabilities, noNewPrivileges: false });
}

/** A user namespace whose root is `hostID` of the host. */
export function addUserNamespace(config: RuntimeConfig, hostID = 100000, size = 65536): void {
  addNamespace(config, "user");
  const mapping = [{ containerID: 0, hostID, size }];
  Object.assign(config.linux, { uidMappings: mapping, gidMappings: mapping });
}
