import { failure } from "#lib/errors/chain_error.ts";
import { closeFile, O, openFile, writeDescriptor } from "#lib/linux/file.ts";
import type { DeviceRuleConfig } from "./cgroup_config.ts";
import { cgroupCallError, readCgroupFile } from "./cgroup_files.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";
import {
  type DevicePolicy,
  devicePolicy,
  deviceTransition,
  parseDeviceList,
  samePolicy,
} from "./device_policy.ts";

/** Writes lines to one cgroup file, each with a write of its own, as the kernel wants them. */
function writeLines(path: string, lines: string[]): void {
  if (lines.length === 0) return;
  try {
    const fd = openFile(path, O.WRONLY);
    try {
      for (const line of lines) writeDescriptor(fd, line);
    } finally {
      closeFile(fd);
    }
  } catch (error) {
    throw cgroupCallError(error, path);
  }
}

function setDevicesV1(folder: string, policy: DevicePolicy): void {
  const list = () => parseDeviceList(readCgroupFile(folder, "devices.list"));
  const lines = deviceTransition(list(), policy);
  // Runs of one file share an open.
  for (let start = 0; start < lines.length; ) {
    const { file } = lines[start]!;
    let end = start;
    while (end < lines.length && lines[end]!.file === file) end++;
    writeLines(
      `${folder}/${file}`,
      lines.slice(start, end).map(({ line }) => line),
    );
    start = end;
  }
  if (samePolicy(list(), policy)) return;
  throw failure({
    layer: "runc",
    op: "device rules",
    code: "internal",
    message: "resulting devices cgroup doesn't precisely match target",
    evidence: [{ kind: "cgroup", value: readCgroupFile(folder, "devices.list"), ref: folder }],
  });
}

function setDevicesV2(folder: string, policy: DevicePolicy): void {
  const bpf = require("#lib/linux/bpf.ts") as typeof import("#lib/linux/bpf.ts");
  const { deviceProgram } = require("./device_program.ts") as typeof import("./device_program.ts");
  let cgroup = -1;
  let program = -1;
  try {
    cgroup = openFile(folder, O.RDONLY | O.DIRECTORY);
    const before = bpf.bpfDevicePrograms(cgroup);
    program = bpf.bpfLoadDevice(deviceProgram(policy));
    bpf.bpfAttachDevice(cgroup, program);
    for (const id of before) bpf.bpfDetachDevice(cgroup, id);
  } catch (error) {
    throw cgroupCallError(error, folder).wrap({
      layer: "runc",
      op: "device rules",
      code: "internal",
      message: "failed to load or attach the device program (BPF_CGROUP_DEVICE)",
    });
  } finally {
    for (const fd of [cgroup, program]) if (fd >= 0) closeFile(fd);
  }
}

/**
 * Limits which devices a container may use: files on v1, a BPF program on v2. Rootless callers, who
 * may do neither, go without: the device nodes they can make are harmless ones.
 */
export function setDevices(
  paths: CgroupPaths,
  rules: readonly DeviceRuleConfig[],
  rootless: boolean,
): void {
  const policy = devicePolicy(rules);
  try {
    if (isUnified(paths)) setDevicesV2(paths[""]!, policy);
    else if (paths["devices"] !== undefined) setDevicesV1(paths["devices"], policy);
    else {
      throw failure({
        layer: "runc",
        op: "device rules",
        code: "failed_precondition",
        message: "cgroup: subsystem does not exist: devices",
        fix: "mount the devices controller, without which a container could use every device",
      });
    }
  } catch (error) {
    if (!rootless) throw error;
  }
}
