import { existsSync } from "node:fs";
import type { HostConfig } from "#wire/docker-api/types/container_config.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, invalid } from "../refusals.ts";
import type { Sharing } from "../spec/spec_build.ts";
import { portWishes } from "./port_wish.ts";

const op = "check network";

/**
 * Checks what network a container asks for, and its ports. Returns warnings: without CNI's plugins
 * the default network is a private namespace with a loopback alone.
 */
export function checkNetworkMode(daemon: Daemon, host: HostConfig): string[] {
  const mode = host.NetworkMode || "default";
  const published = Object.keys(host.PortBindings ?? {}).length > 0;
  portWishes(host.PortBindings ?? {}, [], false);
  if (mode.startsWith("container:")) {
    if (mode === "container:") {
      throw invalid(op, "Invalid network mode: invalid container format container:<name|id>");
    }
    if (published || host.PublishAllPorts) {
      throw invalid(op, "conflicting options: port publishing and the container type network mode");
    }
    if (host.ExtraHosts?.length) {
      throw invalid(op, "conflicting options: custom host-to-IP mapping and the network mode");
    }
    return [];
  }
  if (mode === "host") {
    if (host.Links?.length) {
      throw invalid(
        op,
        "conflicting options: host type networking can't be used with links. This would result " +
          "in undefined behavior",
      );
    }
    return published ? ["Published ports are discarded when using host network mode"] : [];
  }
  const { missing, filter } = daemon.networks;
  const warnings: string[] = [];
  if (missing && mode !== "none") {
    warnings.push(`Network mode bridge: ${missing}; the container has a loopback interface only.`);
  }
  if ((published || host.PublishAllPorts) && (missing || mode === "none")) {
    warnings.push("Published ports are not reachable: the container has no bridge network.");
  } else if (published && !filter) {
    warnings.push("Published ports are carried by the daemon: the packet filter is not used.");
  }
  return warnings;
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

/** A container on another's network goes by that one's host name, as dockerd has it. */
export function shareHostname(daemon: Daemon, { record }: Container): void {
  const mode = record.hostConfig.NetworkMode;
  if (!mode?.startsWith("container:")) return;
  const { Hostname, Domainname } = daemon.find(mode.slice("container:".length)).record.config;
  record.config.Hostname = Hostname ?? "";
  record.config.Domainname = Domainname ?? "";
}
