import { NamespaceMode as Mode, type NamespaceOption } from "#gen/wire/cri/proto/security_pb.ts";
import type { HostConfig } from "#wire/docker-api/types/container_config.ts";
import { unsupported } from "../refusals.ts";

type Modes = Pick<HostConfig, "NetworkMode" | "IpcMode" | "PidMode" | "UTSMode">;

/** Whether the pod shares the host's network. */
export function sharesHostNetwork(options: NamespaceOption | undefined): boolean {
  return options?.network === Mode.NODE;
}

/** What namespaces a sandbox's own container has: those that the pod's containers then join. */
export function sandboxModes(options: NamespaceOption | undefined, podNetwork: string): Modes {
  refuseUserNamespace(options);
  const modes: Modes = {
    NetworkMode: sharesHostNetwork(options) ? "host" : podNetwork,
    IpcMode: options?.ipc === Mode.NODE ? "host" : "shareable",
  };
  if (options?.pid === Mode.NODE) modes.PidMode = "host";
  if (sharesHostNetwork(options)) modes.UTSMode = "host";
  return modes;
}

/** What a container of a pod joins. */
export function containerModes(options: NamespaceOption | undefined, sandboxId: string): Modes {
  refuseUserNamespace(options);
  const modes: Modes = {
    NetworkMode: `container:${sandboxId}`,
    IpcMode: options?.ipc === Mode.NODE ? "host" : `container:${sandboxId}`,
  };
  if (sharesHostNetwork(options)) {
    modes.NetworkMode = "host";
    modes.UTSMode = "host";
  }
  const pid = options?.pid ?? Mode.POD;
  if (pid === Mode.NODE) modes.PidMode = "host";
  if (pid === Mode.POD) modes.PidMode = `container:${sandboxId}`;
  if (pid === Mode.TARGET) modes.PidMode = `container:${options?.targetId ?? ""}`;
  return modes;
}

/** Reads the modes back for a status. A sandbox's own pid namespace is what its pod may share. */
export function namespaceOptions(host: HostConfig) {
  const network = host.NetworkMode === "host" ? Mode.NODE : Mode.POD;
  const pid = host.PidMode === "host" ? Mode.NODE : Mode.CONTAINER;
  const ipc = host.IpcMode === "host" ? Mode.NODE : Mode.POD;
  return { network, pid, ipc };
}

function refuseUserNamespace(options: NamespaceOption | undefined): void {
  const mode = options?.usernsOptions?.mode;
  if (mode === undefined || mode === Mode.NODE) return;
  throw unsupported(
    "convert namespaces",
    "user namespaces of pods are not supported: Docker has one mapping for the whole daemon",
  );
}
