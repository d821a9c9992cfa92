import { writeFileSync } from "node:fs";
import { type CommandResult, mustRun, runCommand } from "./command.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * A network namespace of a test's own with a loopback: daemons under test make their bridges and
 * rules there, and the host's network stays as it is. It goes with the sandbox, whose mounts are
 * removed.
 */
export class PrivateNetwork {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** `name` tells several of one test apart. */
  static async create(sandbox: Sandbox, name: string): Promise<PrivateNetwork> {
    const path = sandbox.path("networks", name);
    writeFileSync(path, "");
    await mustRun(["unshare", `--net=${path}`, "true"]);
    const network = new PrivateNetwork(path);
    await mustRun(network.enter(["ip", "link", "set", "lo", "up"]));
    return network;
  }

  /** The command line that runs a program in this network. */
  enter(argv: string[]): string[] {
    return ["nsenter", `--net=${this.#path}`, "--", ...argv];
  }

  /** Runs a program in this network to its end. */
  run(argv: string[], timeoutMs = 20_000): Promise<CommandResult> {
    return runCommand(this.enter(argv), { timeoutMs });
  }

  /** A cable to another network: /24 addresses of its two ends. */
  async link(other: PrivateNetwork, own: string, others: string): Promise<void> {
    const ip = (network: PrivateNetwork, ...args: string[]) =>
      mustRun(network.enter(["ip", ...args]));
    const peer = ["peer", "name", "far", "netns", other.#path];
    await ip(this, "link", "add", "near", "type", "veth", ...peer);
    await ip(this, "address", "add", `${own}/24`, "dev", "near");
    await ip(this, "link", "set", "near", "up");
    await ip(other, "address", "add", `${others}/24`, "dev", "far");
    await ip(other, "link", "set", "far", "up");
  }

  /** Names of the interfaces, `veth…` and bridges among them. */
  async interfaces(): Promise<string[]> {
    const text = await mustRun(this.enter(["ip", "-br", "link"]));
    return text
      .trim()
      .split("\n")
      .map((line) => line.split(/[ @]/)[0]!);
  }

  /** Rules of the packet filter that are about one container or one network. */
  async rules(): Promise<string[]> {
    const all: string[] = [];
    for (const program of ["iptables-save", "ip6tables-save"]) {
      all.push(...(await mustRun(this.enter([program]))).split("\n"));
    }
    return all.filter((line) => /br-|veth|--dport|CNI-DN-|-s [0-9a-f]|-d [0-9a-f]/.test(line));
  }
}
