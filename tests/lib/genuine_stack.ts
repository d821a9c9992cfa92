import { writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { Daemon } from "./daemon.ts";
import type { PrivateNetwork } from "./private_network.ts";
import type { Sandbox } from "./sandbox.ts";

export const GENUINE = {
  containerd: "/usr/bin/containerd",
  shim: "/usr/bin/containerd-shim-runc-v2",
  ctr: "/usr/bin/ctr",
  dockerd: "/usr/sbin/dockerd",
  runc: "/usr/sbin/runc",
  crun: "/usr/bin/crun",
} as const;

/**
 * Debian's containerd with private folders. Our shim is on its PATH, as an installation has it;
 * `folders` come before that.
 */
export function startGenuineContainerd(sandbox: Sandbox, folders: string[] = []): Promise<Daemon> {
  const path = [...folders, dirname(binPath("catena")), process.env["PATH"] ?? ""].join(":");
  const socket = sandbox.path("containerd", "containerd.sock");
  return Daemon.start(sandbox, {
    name: "genuine-containerd",
    socket,
    env: { PATH: path },
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
  /** Options of the runtimes (`--exec-opt`): native.cgroupdriver=systemd. */
  execOptions?: string[];
  /** A network of the test's own, for a daemon with bridge networks. Without: none at all. */
  network?: PrivateNetwork;
}

/** Debian's dockerd with private folders and without a network. Containers outlive it. */
export function startGenuineDockerd(
  sandbox: Sandbox,
  options: GenuineDockerdOptions,
): Promise<Daemon> {
  const socket = sandbox.path("dockerd", "docker.sock");
  const runtimes = Object.entries(options.runtimes ?? {});
  const argv = [
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
    ...(options.network ? [] : ["--bridge=none", "--iptables=false"]),
    "--live-restore",
    ...runtimes.flatMap(([name, path]) => ["--add-runtime", `${name}=${path}`]),
    ...(options.execOptions ?? []).flatMap((option) => ["--exec-opt", option]),
  ];
  return Daemon.start(sandbox, {
    name: "genuine-dockerd",
    socket,
    argv: options.network ? options.network.enter(argv) : argv,
  });
}

/**
 * A folder in which our shim goes by the name of the genuine one, for runtime options that clients
 * pass to `io.containerd.runc.v2` only.
 */
export function shimDisguised(sandbox: Sandbox): string {
  const path = sandbox.path("disguise", basename(GENUINE.shim));
  const script = `#!/bin/sh\nexec ${binPath("containerd-shim-catena-v2")} "$@"\n`;
  writeFileSync(path, script, { mode: 0o755 });
  return dirname(path);
}
