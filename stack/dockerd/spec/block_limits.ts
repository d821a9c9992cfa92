import { type Stats, statSync } from "node:fs";
import type {
  ContainerResources,
  ThrottleDevice,
} from "#wire/docker-api/types/container_config.ts";
import { deviceMajor, deviceMinor } from "../archive/file_mode.ts";
import { invalid } from "../refusals.ts";
import type { OciResources } from "./oci_types.ts";

type BlockLimits = NonNullable<OciResources["blockIO"]>;

/** Limits of single block devices: paths of the host become device numbers. */
export function blockLimits(host: ContainerResources): BlockLimits {
  const out: BlockLimits = {};
  if (host.BlkioWeight) out.weight = host.BlkioWeight;
  if (host.BlkioWeightDevice?.length) {
    out.weightDevice = host.BlkioWeightDevice.map(({ Path, Weight }) => ({
      ...blockDevice(Path),
      weight: Weight,
    }));
  }
  const rates = (list: ThrottleDevice[] | null | undefined) =>
    list?.length ? list.map(({ Path, Rate }) => ({ ...blockDevice(Path), rate: Rate })) : undefined;
  const throttles = {
    throttleReadBpsDevice: rates(host.BlkioDeviceReadBps),
    throttleWriteBpsDevice: rates(host.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: rates(host.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: rates(host.BlkioDeviceWriteIOps),
  };
  for (const [key, value] of Object.entries(throttles)) {
    if (value) Object.assign(out, { [key]: value });
  }
  return out;
}

function blockDevice(path: string): { major: number; minor: number } {
  const op = "check limits";
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch {
    throw invalid(op, `stat ${path}: no such file or directory`, [
      { kind: "path", value: "missing on the host", ref: path },
    ]);
  }
  if (!stats.isBlockDevice()) throw invalid(op, `${path} is no block device`);
  return { major: deviceMajor(stats.rdev), minor: deviceMinor(stats.rdev) };
}
