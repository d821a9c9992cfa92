import type { MountAttributes, MountOption, Operation, Plan } from "#wire/init-pipe/operation.ts";
import { CAPABILITIES, CLONE_FLAG, RLIMITS } from "./linux_constants.ts";

const UNLIMITED = 0xffffffffffffffffn;

/** A plan as numbered lines: for `catena plan`, for tests, and to compare two plans. */
export function planText(plan: Plan): string {
  const width = String(plan.operations.length).length;
  const lines = plan.operations.map((operation, index) => {
    const notes = [operation.byParent && "by the parent", operation.optional && "may fail"];
    const note = notes.filter(Boolean).join(", ");
    const number = String(index + 1).padStart(width);
    return `${number}  ${operationText(operation)}${note ? `  (${note})` : ""}\n`;
  });
  return lines.join("");
}

/** What an operation does, in a few words: "mount proc on /proc". */
export function operationText(operation: Operation): string {
  switch (operation.op) {
    case "mount":
      return mountText(operation);
    case "bind": {
      const kind = operation.recursive ? "bind recursively" : "bind";
      const attributes = attributesText(operation.attributes);
      return `${kind} ${operation.source} on ${operation.target}${attributes}`;
    }
    case "mount-text":
      return `mount ${operation.type} on ${operation.target} with ${operation.data}`;
    case "mknod":
      return nodeText(operation);
    case "unshare":
      return `unshare ${namespaceNames(operation.flags)}`;
    case "join-namespace":
      return `join ${namespaceNames(operation.flag)} namespace (fd ${operation.fd})`;
    case "rlimit":
      return rlimitText(operation);
    case "capabilities":
      return capabilitiesText(operation);
    case "bounding-set":
      return `bounding set ${capabilityNames(operation.mask)}`;
    case "seccomp":
      return seccompText(operation);
    case "execve":
      return `execve ${operation.args.join(" ")} (${operation.env.length} variables)`;
    case "hook":
      return `${operation.kind} ${operation.path}`;
    case "user":
      return `user ${operation.uid}:${operation.gid} groups [${operation.groups.join(" ")}]`;
    case "chdir":
      return `chdir ${operation.path}${operation.early ? " as root" : ""}`;
    case "umask":
      return `umask ${operation.mask.toString(8).padStart(4, "0")}`;
    default:
      return plainText(operation);
  }
}

/** The rest: the operation's name, then its arguments as they are. */
function plainText(operation: Operation): string {
  const words: string[] = [operation.op.replaceAll("-", " ")];
  for (const [name, value] of Object.entries(operation)) {
    if (name === "op" || name === "optional" || name === "byParent") continue;
    if (value === false || value === "") continue;
    if (value === true) words.push(name);
    else if (typeof value === "string") words.push(value.trimEnd().replaceAll("\n", ", "));
    else if (value instanceof Uint8Array) words.push(`${value.length} bytes`);
    else if (Array.isArray(value)) words.push(`${name} [${value.join(" ")}]`);
    else words.push(name === "flags" ? `flags 0x${value.toString(16)}` : `${name} ${value}`);
  }
  return words.join(" ");
}

type Mount = Extract<Operation, { op: "mount" }>;

function mountText({ type, target, options, attributes, keepMode, copyUp }: Mount): string {
  const data = options.map(([key, value]: MountOption) =>
    value === undefined ? key : `${key}=${value}`,
  );
  const extra = [keepMode && "keep mode", copyUp && "copy up"].filter(Boolean).join(", ");
  const with_ = data.length > 0 ? ` with ${data.join(",")}` : "";
  const what = `mount ${type} on ${target}${with_}${attributesText(attributes)}`;
  return extra ? `${what} (${extra})` : what;
}

const ATTRIBUTE_NAMES: readonly (readonly [bigint, string])[] = [
  [0x1n, "ro"],
  [0x2n, "nosuid"],
  [0x4n, "nodev"],
  [0x8n, "noexec"],
  [0x10n, "noatime"],
  [0x20n, "strictatime"],
  [0x80n, "nodiratime"],
  [0x200000n, "nosymfollow"],
];

const PROPAGATION_NAMES: Record<number, string> = {
  [1 << 17]: "unbindable",
  [1 << 18]: "private",
  [1 << 19]: "slave",
  [1 << 20]: "shared",
};
const MS_REC = 16384;

function bitNames(bits: bigint, sign: string, prefix: string): string[] {
  return ATTRIBUTE_NAMES.filter(([bit]) => (bits & bit) !== 0n).map(
    ([, name]) => `${sign}${prefix}${name}`,
  );
}

function attributesText(attributes: MountAttributes): string {
  const { set, clear, recursiveSet, recursiveClear, propagation } = attributes;
  const words = [
    ...bitNames(set, "+", ""),
    ...bitNames(clear & ~set & ~0x70n, "-", ""),
    ...bitNames(recursiveSet, "+", "r"),
    ...bitNames(recursiveClear & ~recursiveSet & ~0x70n, "-", "r"),
    ...propagation.map(
      (flags) => `${flags & MS_REC ? "r" : ""}${PROPAGATION_NAMES[flags & ~MS_REC]}`,
    ),
  ];
  return words.length > 0 ? ` ${words.join(" ")}` : "";
}

function nodeText(node: Extract<Operation, { op: "mknod" }>): string {
  if (node.bindOnly) return `bind the host's ${node.path}`;
  const types: Record<number, string> = { 2: "character device", 6: "block device", 1: "fifo" };
  const mode = (node.mode & 0o7777).toString(8).padStart(4, "0");
  const owner = node.uid || node.gid ? ` ${node.uid}:${node.gid}` : "";
  return `make ${types[node.mode >> 12]} ${node.path} ${node.major}:${node.minor} ${mode}${owner}`;
}

function namespaceNames(flags: number): string {
  const names = Object.entries(CLONE_FLAG).filter(([, flag]) => (flags & flag) !== 0);
  return names.map(([name]) => name).join(", ");
}

type Limit = Extract<Operation, { op: "rlimit" }>;

function rlimitText({ resource, soft, hard }: Limit): string {
  return `rlimit ${RLIMITS[resource]} ${limitText(soft)} ${limitText(hard)}`;
}

type Filter = Extract<Operation, { op: "seccomp" }>;

function seccompText({ filter, listener }: Filter): string {
  const size = `seccomp filter of ${filter.length / 8} instructions`;
  return listener ? `${size}, with a listener` : size;
}

function limitText(value: bigint): string {
  return value === UNLIMITED ? "unlimited" : String(value);
}

function capabilityNames(mask: bigint): string {
  const names = CAPABILITIES.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
  if (names.length === 0) return "none";
  return names.map((name) => name.slice("CAP_".length).toLowerCase()).join(" ");
}

type CapabilitySets = Extract<Operation, { op: "capabilities" }>;

function capabilitiesText({ effective, permitted, inheritable, ambient }: CapabilitySets): string {
  if (effective === permitted && inheritable === 0n && ambient === 0n) {
    return `capabilities ${capabilityNames(permitted)}`;
  }
  return [
    `capabilities effective ${capabilityNames(effective)}`,
    `permitted ${capabilityNames(permitted)}`,
    `inheritable ${capabilityNames(inheritable)}`,
    `ambient ${capabilityNames(ambient)}`,
  ].join("; ");
}
