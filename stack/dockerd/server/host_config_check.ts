import type { HostConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import { parseSize } from "../logs/json_log_writer.ts";
import { parseLink } from "../network/links.ts";
import { parseExtraHost } from "../network/network_files.ts";
import { invalid } from "../refusals.ts";
import { parseDeviceRules } from "../spec/devices.ts";
import { checkResources } from "../spec/resources.ts";

const op = "check configuration";
const ULIMITS =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime " +
  "sigpending stack".split(" ");
const LOG_OPTIONS = [
  "max-size",
  "max-file",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
  "mode",
  "max-buffer-size",
];

const LOCAL_OPTIONS = ["max-size", "max-file", "mode", "max-buffer-size"];

const isSet = (value: unknown) =>
  value !== null &&
  value !== undefined &&
  value !== "" &&
  value !== 0 &&
  value !== false &&
  !(Array.isArray(value) && value.length === 0) &&
  !(typeof value === "object" && Object.keys(value).length === 0);

/** Fields that this daemon cannot honour, and would be wrong to ignore. */
const REFUSED: [keyof HostConfig, string][] = [
  ["StorageOpt", "storage options are not supported by the snapshotter"],
  ["DeviceRequests", "device requests (GPUs, CDI) are not supported"],
  ["CpuCount", "it is for Windows only"],
  ["CpuPercent", "it is for Windows only"],
  ["IOMaximumIOps", "it is for Windows only"],
  ["IOMaximumBandwidth", "it is for Windows only"],
];

/**
 * Checks a HostConfig as a whole. Refuses, by its name, what cannot be honoured; returns warnings
 * for what is accepted with less than was asked for.
 */
export function checkHostConfig(host: HostConfig, daemon: Daemon): string[] {
  for (const [field, reason] of REFUSED) {
    if (isSet(host[field])) throw invalid(op, `HostConfig.${field}: ${reason}`);
  }
  const warnings = checkResources(host, daemon.facts);
  checkModes(host);
  checkRestartPolicy(host);
  checkLogConfig(host, warnings);
  parseDeviceRules(host.DeviceCgroupRules ?? []);
  for (const entry of host.ExtraHosts ?? []) parseExtraHost(entry);
  for (const link of host.Links ?? []) parseLink(link);
  for (const { Name, Soft, Hard } of host.Ulimits ?? []) {
    if (!ULIMITS.includes(Name)) throw invalid(op, `invalid ulimit type: ${Name}`);
    if (Hard !== -1 && Soft > Hard) {
      throw invalid(
        op,
        `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
      );
    }
  }
  if ((host.ShmSize ?? 0) < 0) throw invalid(op, "SHM size can not be less than 0");
  const oom = host.OomScoreAdj ?? 0;
  if (oom < -1000 || oom > 1000) {
    throw invalid(op, `Invalid value ${oom}, range for oom score adj is [-1000, 1000]`);
  }
  if (oom < daemon.facts.leastOomScoreAdj) {
    warnings.push(
      `OomScoreAdj ${oom} is raised to ${daemon.facts.leastOomScoreAdj}: the daemon ` +
        "lacks CAP_SYS_RESOURCE.",
    );
  }
  const parent = host.CgroupParent;
  if (daemon.options.systemdCgroup && parent && !/^[^/]+\.slice$/.test(parent)) {
    throw invalid(
      op,
      'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"',
    );
  }
  if (daemon.runtimeOf(host.Runtime) === undefined) {
    throw invalid(op, `unknown or invalid runtime name: ${host.Runtime}`);
  }
  if (host.Init && !daemon.initPath) {
    throw invalid(op, "HostConfig.Init: no init program is installed");
  }
  if (host.Isolation && host.Isolation !== "default") {
    throw invalid(op, `invalid isolation '${host.Isolation}' on linux`);
  }
  if (isSet(host.VolumeDriver) && host.VolumeDriver !== "local") {
    throw invalid(
      op,
      `HostConfig.VolumeDriver: plugin ${JSON.stringify(host.VolumeDriver)} not found`,
    );
  }
  return warnings;
}

function checkModes(host: HostConfig): void {
  const check = (field: keyof HostConfig, words: string, allowed: RegExp) => {
    const value = (host[field] ?? "") as string;
    if (!allowed.test(value)) throw invalid(op, `${words}: ${value}`);
  };
  check("IpcMode", "invalid IPC mode", /^(|none|private|shareable|host|container:.+)$/);
  check("PidMode", "invalid PID mode", /^(|host|container:.+)$/);
  check("UTSMode", "invalid UTS mode", /^(|host)$/);
  check("UsernsMode", "invalid user namespace mode", /^(|host)$/);
  check("CgroupnsMode", "invalid cgroup namespace mode", /^(|private|host)$/);
  check("Cgroup", "invalid cgroup", /^$/);
  if (host.AutoRemove && host.RestartPolicy?.Name && host.RestartPolicy.Name !== "no") {
    throw invalid(op, "can't create 'AutoRemove' container with restart policy");
  }
}

/** Refuses restart policies that are none, in dockerd's words. */
export function checkRestartPolicy(host: Pick<HostConfig, "RestartPolicy">): void {
  const { Name, MaximumRetryCount } = host.RestartPolicy ?? {};
  const count = MaximumRetryCount ?? 0;
  switch (Name ?? "") {
    case "":
      return;
    case "no":
    case "always":
    case "unless-stopped":
      if (count !== 0) {
        const negative = count < 0 ? " and cannot be negative" : "";
        throw invalid(
          op,
          "invalid restart policy: maximum retry count can only be used with " +
            `'on-failure'${negative}`,
        );
      }
      return;
    case "on-failure":
      if (count < 0) {
        throw invalid(op, "invalid restart policy: maximum retry count cannot be negative");
      }
      return;
    default:
      throw invalid(
        op,
        `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', ` +
          "'on-failure', or 'unless-stopped'",
      );
  }
}

function checkLogConfig(host: HostConfig, warnings: string[]): void {
  const { Type, Config } = host.LogConfig ?? {};
  if (Type && !["json-file", "local", "none"].includes(Type)) {
    throw invalid(
      op,
      `error looking up logging plugin ${Type}: plugin ${JSON.stringify(Type)} not found`,
    );
  }
  for (const [key, value] of Object.entries(Config ?? {})) {
    const local = Type === "local";
    if (key === "compress") {
      if (value === "true") warnings.push("Rotated log files are not compressed.");
    } else if (!(local ? LOCAL_OPTIONS : LOG_OPTIONS).includes(key)) {
      throw invalid(op, `unknown log opt '${key}' for ${local ? "local" : "json-file"} log driver`);
    }
  }
  const size = Config?.["max-size"];
  if (size !== undefined && parseSize(size) === undefined) {
    throw invalid(op, `invalid size: '${size}'`);
  }
  const files = Config?.["max-file"];
  if (files !== undefined && !/^[1-9][0-9]{0,3}$/.test(files)) {
    throw invalid(op, "max-file cannot be less than 1");
  }
  if (Type !== "local" && files !== undefined && Number(files) > 1 && size === undefined) {
    throw invalid(op, 'cannot be rotated with max-file unless "max-size" is set too');
  }
}
