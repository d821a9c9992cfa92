import { existsSync } from "node:fs";
import type { HostConfig, NetworkingConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, invalid } from "../refusals.ts";
import type { Sharing } from "../spec/spec_build.ts";

const op = "check network";
/** Networks that every daemon has. */
export const PREDEFINED = ["bridge", "host", "none"];

/**
 * Checks what network a container asks for. Returns warnings: the default network is a private
 * namespace with a loopback alone.
 */
export function checkNetworkMode(host: HostConfig, networking: NetworkingConfig): string[] {
  const mode = host.NetworkMode ?? "default";
  if (mode.startsWith("container:")) {
    const other = mode.slice("container:".length);
    if (other === "") {
      throw invalid(op, "Invalid network mode: invalid container format container:<name|id>");
    }
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts) {
      throw conflict(
        op,
        "conflicting options: port publishing and the container type network mode",
      );
    }
    if (host.ExtraHosts?.length) {
      throw conflict(op, "conflicting options: custom host-to-IP mapping and the network mode");
    }
    return [];
  }
  for (const name of [mode, ...Object.keys(networking.EndpointsConfig ?? {})]) {
    // Not 404, which the CLI takes for a missing image.
    if (name !== "default" && !PREDEFINED.includes(name)) {
      throw invalid(op, `network ${name} not found`);
    }
  }
  if (mode === "default" || mode === "bridge") {
    return [
      "Network mode bridge: no CNI plugins are configured, the container has a loopback " +
        "interface only.",
    ];
  }
  if (mode === "host" && Object.keys(host.PortBindings ?? {}).length > 0) {
    return ["Published ports are discarded when using host network mode"];
  }
  return [];
}

/** Resolves `container:REF` and the like to whose namespace is used. */
export function sharing(
  daemon: Daemon,
  mode: string | null | undefined,
  namespace: "net" | "ipc" | "pid",
): Sharing {
  if (mode === "host") return "host";
  if (!mode?.startsWith("container:")) return "own";
  const other = daemon.find(mode.slice("container:".length));
  const { running, pid, restarting } = other.record.state;
  if (!running || restarting || pid === 0) {
    const what = { net: "network", ipc: "IPC", pid: "PID" }[namespace];
    throw conflict("join namespace", `cannot join ${what} of a non running container: ${other.id}`);
  }
  const path = `/proc/${pid}/ns/${namespace}`;
  if (!existsSync(path))
    throw conflict("join namespace", `namespace ${path} of ${other.id} is gone`);
  return { path };
}
