import { dirname } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { Daemon } from "./daemon.ts";
import type { Sandbox } from "./sandbox.ts";

export const GENUINE = {
  containerd: "/usr/bin/containerd",
  shim: "/usr/bin/containerd-shim-runc-v2",
  ctr: "/usr/bin/ctr",
  dockerd: "/usr/sbin/dockerd",
  runc: "/usr/sbin/runc",
  crun: "/usr/bin/crun",
} as const;

/** Debian's containerd with private folders. Our shim is on its PATH, as an installation has it. */
export function startGenuineContainerd(sandbox: Sandbox): Promise<Daemon> {
  const socket = sandbox.path("containerd", "containerd.sock");
  return Daemon.start(sandbox, {
    name: "genuine-containerd",
    socket,
    env: { PATH: `${dirname(binPath("catena"))}:${process.env["PATH"] ?? ""}` },
    argv: [
      GENUINE.containerd,
      "--config",
      "/dev/null",
      "--root",
      sandbox.path("containerd", "root"),
      "--state",
      sandbox.path("containerd", "state"),
      "--address",
      socket,
    ],
  });
}

export interface GenuineDockerdOptions {
  /** The socket of the containerd below: genuine or ours. */
  containerd: string;
  /** Name and executable of further runtimes (`--add-runtime`). */
  runtimes?: Record<string, string>;
}

/** Debian's dockerd with private folders and without a network of its own. */
export function startGenuineDockerd(
  sandbox: Sandbox,
  options: GenuineDockerdOptions,
): Promise<Daemon> {
  const socket = sandbox.path("dockerd", "docker.sock");
  const runtimes = Object.entries(options.runtimes ?? {});
  return Daemon.start(sandbox, {
    name: "genuine-dockerd",
    socket,
    argv: [
      GENUINE.dockerd,
      "--containerd",
      options.containerd,
      "--data-root",
      sandbox.path("dockerd", "data"),
      "--exec-root",
      sandbox.path("dockerd", "exec"),
      "-H",
      `unix://${socket}`,
      "-p",
      sandbox.path("dockerd", "docker.pid"),
      "--bridge=none",
      "--iptables=false",
      ...runtimes.flatMap(([name, path]) => ["--add-runtime", `${name}=${path}`]),
    ],
  });
}
