import { readFileSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";

/** Where it is looked for. Docker's own is read when it is named: it may be another daemon's. */
export const DAEMON_FILE = "/etc/catena/daemon.json";

type Kind = "string" | "boolean" | "number" | "strings" | "map" | "runtimes" | "ulimits";

/** The directives of daemon.json that this daemon takes, and what their values are. */
const DIRECTIVES: Record<string, Kind> = {
  hosts: "strings",
  group: "string",
  bridge: "string",
  bip: "string",
  mtu: "number",
  iptables: "boolean",
  "cni-path": "string",
  "default-runtime": "string",
  runtimes: "runtimes",
  "exec-opts": "strings",
  "log-driver": "string",
  "log-opts": "map",
  dns: "strings",
  "dns-opts": "strings",
  "dns-search": "strings",
  "insecure-registries": "strings",
  "registry-mirrors": "strings",
  init: "boolean",
  "init-path": "string",
  "default-ulimits": "ulimits",
  "default-shm-size": "string",
  "default-cgroupns-mode": "string",
  "default-ipc-mode": "string",
  "cgroup-parent": "string",
  labels: "strings",
  debug: "boolean",
  "log-level": "string",
  tls: "boolean",
  tlsverify: "boolean",
  tlscacert: "string",
  tlscert: "string",
  tlskey: "string",
  // Always so here, or without a meaning here: accepted with the one value that is true.
  "live-restore": "boolean",
  "storage-driver": "string",
  "userland-proxy": "boolean",
};

/** Values that say what this daemon does anyway; any other is refused. */
const FIXED: Record<string, readonly unknown[]> = {
  "live-restore": [true],
  "storage-driver": ["overlay2", "overlayfs", "overlay"],
  "userland-proxy": [true],
};

export interface FileRuntime {
  path?: string;
  runtimeType?: string;
}

export interface FileUlimit {
  Name?: string;
  Soft: number;
  Hard: number;
}

/** What a daemon.json says, by its directives. */
export interface DaemonFile {
  hosts?: string[];
  group?: string;
  bridge?: string;
  bip?: string;
  mtu?: number;
  iptables?: boolean;
  "cni-path"?: string;
  "default-runtime"?: string;
  runtimes?: Record<string, FileRuntime>;
  "exec-opts"?: string[];
  "log-driver"?: string;
  "log-opts"?: Record<string, string>;
  dns?: string[];
  "dns-opts"?: string[];
  "dns-search"?: string[];
  "insecure-registries"?: string[];
  "registry-mirrors"?: string[];
  init?: boolean;
  "init-path"?: string;
  "default-ulimits"?: Record<string, FileUlimit>;
  "default-shm-size"?: string;
  "default-cgroupns-mode"?: string;
  "default-ipc-mode"?: string;
  "cgroup-parent"?: string;
  labels?: string[];
  debug?: boolean;
  "log-level"?: string;
  tls?: boolean;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

/**
 * Reads a daemon.json. The usual one may be missing, one that was named (`mustExist`) may not.
 * Throws in dockerd's words, naming what is wrong.
 */
export function readDaemonFile(path: string, mustExist: boolean): DaemonFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!mustExist && (error as { code?: string }).code === "ENOENT") return {};
    throw fault(path, `open ${path}: ${(error as Error).message}`);
  }
  return parseDaemonFile(text, path);
}

/** The same of a text. */
export function parseDaemonFile(text: string, path: string): DaemonFile {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fault(path, (error as Error).message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(path, "it holds no JSON object");
  }
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(DIRECTIVES, key));
  if (unknown.length > 0) {
    throw fault(
      path,
      `the following directives don't match any configuration option: ${unknown.sort().join(", ")}`,
    );
  }
  for (const [key, item] of Object.entries(value)) {
    if (!isOf(DIRECTIVES[key]!, item)) throw fault(path, `${key}: it is no ${DIRECTIVES[key]}`);
    const only = FIXED[key];
    if (only && !only.includes(item)) throw fault(path, `${key}: only ${only[0]} is supported`);
  }
  return value as DaemonFile;
}

const isText = (value: unknown) => typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case "strings":
      return Array.isArray(value) && value.every(isText);
    case "map":
      return isObject(value) && Object.values(value).every(isText);
    case "runtimes":
      return isObject(value) && Object.values(value).every(isRuntime);
    case "ulimits":
      return isObject(value) && Object.values(value).every(isUlimit);
    default:
      return typeof value === kind;
  }
}

const isRuntime = (value: unknown) =>
  isObject(value) && (isText(value["path"]) || isText(value["runtimeType"]));

const isUlimit = (value: unknown) =>
  isObject(value) && Number.isSafeInteger(value["Soft"]) && Number.isSafeInteger(value["Hard"]);

const fault = (path: string, reason: string) =>
  failure({
    layer: "dockerd",
    op: "read configuration",
    code: "invalid_argument",
    message: `unable to configure the Docker daemon with file ${path}: ${reason}`,
    evidence: [{ kind: "path", value: "the configuration", ref: path }],
  });
