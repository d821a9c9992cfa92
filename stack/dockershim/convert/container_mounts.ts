import { mkdirSync, realpathSync, statSync } from "node:fs";
import {
  type Device,
  type Mount,
  MountPropagation,
} from "#gen/wire/cri/proto/container_config_pb.ts";
import type { DeviceMapping, MountRequest } from "#wire/docker-api/types/container_config.ts";
import { invalid, unsupported } from "../refusals.ts";

const op = "convert mounts";
const HOST_FOLDER_MODE = 0o755;

const PROPAGATION: Record<MountPropagation, string> = {
  [MountPropagation.PROPAGATION_PRIVATE]: "rprivate",
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: "rslave",
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: "rshared",
};

/**
 * CRI mounts as Docker's. Not as "source:target:mode", which no path with a colon fits. A source
 * that is missing is made, a folder, as the CRI wants it.
 */
export function dockerMounts(mounts: Mount[]): MountRequest[] {
  return mounts.map((mount) => {
    refuseForeign(mount);
    const { hostPath, containerPath, readonly, propagation } = mount;
    return {
      Type: "bind",
      Source: existingSource(hostPath),
      Target: containerPath,
      ReadOnly: readonly,
      BindOptions: { Propagation: PROPAGATION[propagation] ?? "rprivate" },
    };
  });
}

function refuseForeign(mount: Mount): void {
  const { containerPath, image, uidMappings, gidMappings, recursiveReadOnly } = mount;
  if (image?.image) throw unsupported(op, `mount ${containerPath}: images cannot be mounted`);
  if (uidMappings.length + gidMappings.length > 0) {
    throw unsupported(op, `mount ${containerPath}: id-mapped mounts are not supported`);
  }
  if (recursiveReadOnly) {
    throw unsupported(op, `mount ${containerPath}: recursive read-only is not supported`);
  }
}

function existingSource(path: string): string {
  if (!path.startsWith("/")) throw invalid(op, `host path ${JSON.stringify(path)} is not absolute`);
  try {
    statSync(path);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    mkdirSync(path, { recursive: true, mode: HOST_FOLDER_MODE });
  }
  // A link is followed here: the kubelet means what it points to.
  return realpathSync(path);
}

/** CRI devices as Docker's: a folder of devices stands for all in it, which Docker knows too. */
export function dockerDevices(devices: Device[]): DeviceMapping[] {
  return devices.map(({ hostPath, containerPath, permissions }) => ({
    PathOnHost: hostPath,
    PathInContainer: containerPath,
    CgroupPermissions: permissions,
  }));
}
