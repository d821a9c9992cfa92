import { type Command, Option } from "commander";
import type { DaemonFlags } from "../commands/daemon.ts";
import type { ResetFlags } from "../commands/system_reset.ts";
import { collectorUrl, intervalSeconds, sampleShare } from "../monitor/read_address.ts";
import { collect, portNumber, withState } from "./shared_options.ts";

/** What runs for long, and what removes all of it. */
export function addDaemons(program: Command): void {
  withPods(withKubelet(withState(program.command("daemon"))))
    .summary("dockershim, dockerd and containerd in one process")
    .description(
      "Serves cri.sock, docker.sock and containerd.sock in the state folder until SIGTERM or\n" +
        "SIGINT. " +
        "Containers run on when it ends, and are found again by the next one.",
    )
    .option(
      "-H, --host <address>",
      "a further Docker socket: unix:///path, tcp://host:port, fd://",
      collect,
      [],
    )
    .option("--config-file <path>", "daemon.json (default /etc/catena/daemon.json)")
    .option("--exec-opt <option>", "native.cgroupdriver=systemd or cgroupfs", collect, [])
    .option("--init-path <path>", "static init program for --init")
    .option("--tls", "TLS on tcp:// hosts")
    .option("--tlsverify", "TLS, and clients must show a certificate")
    .option("--tlscacert <path>", "authority of clients' certificates")
    .option("--tlscert <path>", "certificate of the daemon")
    .option("--tlskey <path>", "its key")
    .option("-G, --group <name>", "group of the sockets (default: catena, where it exists)")
    .option("-b, --bridge <name>", "bridge of the default network; none: no bridge networks")
    .option("--bip <address>", "address and prefix of the default network's bridge")
    .option("--no-iptables", "leave the packet filter alone: no NAT, networks not kept apart")
    .option("--cni-path <folder>", "where the CNI plugins lie")
    .option("--registry-mirror <url>", "ask it before Docker Hub", collect, [])
    .option("--insecure-registry <host>", "HOST[:PORT] or a.b.c.d/n: no TLS needed", collect, [])
    .option("--registry-certs <dir>", "HOST/ca.crt and the like (default /etc/docker/certs.d)")
    .option("--no-trace", "record no traces")
    .option("--otlp <url>", "send traces (and metrics) to this collector", collectorUrl)
    .option("--trace-sample <share>", "share of requests to trace, 0 to 1", sampleShare)
    .option(
      "--monitor <seconds>",
      "sample containers so often, see catena monitor",
      intervalSeconds,
    )
    .option("-D, --debug", "log more")
    .action(async (flags: DaemonFlags) => {
      const { runDaemon } = await import("../commands/daemon.ts");
      await runDaemon(flags);
      process.exit(0);
    });
  passOn(program, "containerd", "containerd alone", async (args) => {
    const { runContainerd } = await import("../commands/containerd.ts");
    await runContainerd(args);
    return 0;
  });
  passOn(program, "dockershim", "the CRI alone, on any Docker", async (args) => {
    const { runDockershim } = await import("../commands/dockershim.ts");
    await runDockershim(args);
    return 0;
  });
  passOn(program, "dockerd", "dockerd alone, on any containerd", async (args) => {
    const { runDockerd } = await import("../commands/dockerd.ts");
    return runDockerd(args);
  });
  passOn(program, "kubelet", "static pods of this node, over any CRI", async (args) => {
    const { runKubelet } = await import("../commands/kubelet.ts");
    await runKubelet(args);
    return 0;
  });
}

/** The flags of a kubelet in the daemon itself. */
function withKubelet(command: Command): Command {
  return command
    .option("--manifests <dir>", "run the static pods of this folder: kubelet")
    .option("--kubelet-port <n>", "of its HTTP API on loopback", portNumber, 10255)
    .option("--kubelet-cgroup-root <path>", "cgroup above kubepods", "/");
}

/** The flags of a dockershim in the daemon itself; the folders' names are those of a kubelet's. */
function withPods(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--pod-network <kind>",
        "network of pods; default: cni where one is configured",
      ).choices(["cni", "docker", "loopback"]),
    )
    .option("--cni-conf-dir <dir>", "network configurations of pods (default /etc/cni/net.d)")
    .option(
      "--cni-bin-dir <dir>",
      "plugins of pods' networks; default /opt/cni/bin, /usr/lib/cni",
      collect,
      [],
    );
}

/** `catena system …`. */
export function addSystem(program: Command): void {
  const system = program.command("system").summary("everything that catena keeps on this host");
  withState(system.command("reset"))
    .summary("remove all containers, images, volumes and records")
    .option("-f, --force", "do not ask")
    .action(async (flags: ResetFlags) => {
      const { runSystemReset } = await import("../commands/system_reset.ts");
      process.exitCode = await runSystemReset(flags);
    });
}

/** A command that reads its own flags, help included. */
function passOn(
  program: Command,
  name: string,
  summary: string,
  run: (args: string[]) => Promise<number>,
): void {
  program
    .command(name)
    .summary(summary)
    .argument("[flags...]")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async (args: string[]) => {
      process.exit(await run(args));
    });
}
