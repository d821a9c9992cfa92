import { createReadStream, readFileSync } from "node:fs";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { privateKb } from "../bench/private_memory.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { type CatenaFolders, startCatenaDaemonOn } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { compareSnapshots, type LeakSnapshot, takeSnapshot } from "../lib/leak_snapshot.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { descriptorTargets, processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";

export const IMAGE = "catest:latest";
const SETTLE_MS = 120_000;
const STEP_MS = 1_000;

/** All that a soak may leave behind. */
export interface Stock {
  files: LeakSnapshot;
  /** Interfaces and rules of the daemon's network. */
  network: string[];
  /** What containerd holds: containers, tasks, snapshots. */
  records: string[];
}

/** Our daemon in a sandbox and a network of its own, with an image. */
export class SoakStack {
  readonly sandbox = new Sandbox();
  daemon!: Daemon & CatenaFolders;
  network!: PrivateNetwork;

  async open(): Promise<void> {
    this.network = await PrivateNetwork.create(this.sandbox, "soak");
    this.daemon = await startCatenaDaemonOn(this.sandbox, this.network);
    const tar = createReadStream(await busyboxTar(this.sandbox));
    const options = { repo: "catest", tag: "latest", message: "", changes: [], platform: "" };
    for await (const _ of this.engine().imageImport(tar, options, {})) {
      // Progress.
    }
  }

  /** A client of its own, as each program has one. */
  engine(): DockerEngine {
    return connectDocker(this.daemon.socket);
  }

  /** What is there now. */
  async stock(): Promise<Stock> {
    const rules = await this.network.rules();
    return {
      files: takeSnapshot(this.sandbox),
      network: [...(await this.network.interfaces()), ...rules].sort(),
      records: await this.#records(),
    };
  }

  async #records(): Promise<string[]> {
    const socket = this.daemon.socket.replace(/docker\.sock$/, "containerd.sock");
    const found: string[] = [];
    for (const what of ["containers", "tasks", "snapshots"]) {
      const argv = [GENUINE.ctr, "-a", socket, "-n", "moby", what, "ls"];
      const lines = (await mustRun(argv)).trim().split("\n").slice(1);
      found.push(...lines.map((line) => `${what} ${line.split(/\s+/)[0]}`));
    }
    return found.sort();
  }

  /** Waits until all is as it was; returns what still differs when the patience ends. */
  async difference(before: Stock): Promise<string[]> {
    const deadline = Date.now() + SETTLE_MS;
    for (;;) {
      const after = await this.stock();
      const found = [
        ...compareSnapshots(before.files, after.files),
        ...listDifference("network", before.network, after.network),
        ...listDifference("containerd", before.records, after.records),
      ];
      if (found.length === 0 || Date.now() >= deadline) return found;
      await Bun.sleep(STEP_MS);
    }
  }

  /** Private memory, descriptors and threads of the daemon, its shims and its keepers. */
  figures(): Figures {
    const { pid } = this.daemon;
    const shims = processesOf(this.sandbox.folder, this.sandbox.tag).filter(({ command }) =>
      /containerd-shim/.test(command),
    );
    return {
      daemonMb: privateKb(pid) / 1024,
      daemonFds: descriptorTargets(pid).length,
      daemonThreads: Number(/^Threads:\s+(\d+)/m.exec(readStatus(pid))?.[1] ?? 0),
      shimMb: shims.reduce((sum, shim) => sum + privateKb(shim.pid), 0) / 1024,
      shimFds: shims.reduce((sum, shim) => sum + descriptorTargets(shim.pid).length, 0),
    };
  }

  async close(): Promise<void> {
    await this.sandbox.close();
  }
}

export interface Figures {
  daemonMb: number;
  daemonFds: number;
  daemonThreads: number;
  shimMb: number;
  shimFds: number;
}

const readStatus = (pid: number) => readFileSync(`/proc/${pid}/status`, "utf8");

function listDifference(kind: string, before: string[], after: string[]): string[] {
  return [
    ...after.filter((line) => !before.includes(line)).map((line) => `left over, ${kind}: ${line}`),
    ...before.filter((line) => !after.includes(line)).map((line) => `gone, ${kind}: ${line}`),
  ];
}
