import { readFileSync } from "node:fs";
import { broken, type Known } from "../refusals.ts";
import type { PublishedPort } from "./endpoint.ts";
import { hasIpv6 } from "./host_network.ts";
import { type HeldPort, holdTcp, holdUdp, type PortTarget } from "./port_proxy.ts";
import type { PortWish } from "./port_wish.ts";

const op = "publish port";

interface Claim {
  port: PublishedPort;
  owner: string;
  held: HeldPort[];
}

/** Which ports of the host belong to which container, and the sockets that hold them. */
export class PortTable {
  readonly #claims: Claim[] = [];
  #lastDynamic = 0;

  /**
   * Takes a port for a container and holds it. Chooses a number where the wish leaves it open.
   * Rejects in dockerd's words when another has it.
   */
  async claim(owner: string, wish: PortWish, target: string): Promise<PublishedPort> {
    const [first, last] = wish.hostFirst ? [wish.hostFirst, wish.hostLast] : dynamicRange();
    const count = last - first + 1;
    const start = wish.hostFirst ? 0 : Math.max(0, this.#lastDynamic - first + 1) % count;
    let failure: unknown;
    for (let tried = 0; tried < count; tried++) {
      const hostPort = first + ((start + tried) % count);
      const { protocol, containerPort, hostIp } = wish;
      const port: PublishedPort = { protocol, containerPort, hostPort, hostIp };
      if (this.#isTaken(port)) {
        failure ??= broken(
          op,
          `Bind for ${hostIp || "0.0.0.0"}:${hostPort} failed: port is already allocated`,
          [],
          portTaken(hostPort),
        );
        continue;
      }
      if (!wish.hostFirst) this.#lastDynamic = hostPort;
      try {
        await this.hold(owner, port, target);
        return port;
      } catch (error) {
        failure ??= error;
      }
    }
    if (count > 1) throw broken(op, "all ports are allocated");
    throw failure;
  }

  #isTaken(port: PublishedPort): boolean {
    const any = (ip: string) => ip === "" || ip === "0.0.0.0" || ip === "::";
    return this.#claims.some(
      ({ port: other }) =>
        other.protocol === port.protocol &&
        other.hostPort === port.hostPort &&
        (other.hostIp === port.hostIp || any(other.hostIp) || any(port.hostIp)),
    );
  }

  /** Holds a port whose number is known: a new one, or one of an earlier life of the daemon. */
  async hold(owner: string, port: PublishedPort, target: string): Promise<void> {
    const claim: Claim = { port, owner, held: [] };
    // Before the first wait: no other may choose the same.
    this.#claims.push(claim);
    try {
      for (const address of hostAddresses(port.hostIp)) {
        claim.held.push(await listen(address, port, { address: target, port: port.containerPort }));
      }
    } catch (error) {
      this.#drop(claim);
      throw error;
    }
  }

  /** Gives up all ports of a container, or of one of its addresses. */
  release(owner: string, ports?: readonly PublishedPort[]): void {
    for (const claim of [...this.#claims]) {
      if (claim.owner !== owner) continue;
      if (ports && !ports.some((port) => samePort(port, claim.port))) continue;
      this.#drop(claim);
    }
  }

  releaseAll(): void {
    for (const claim of [...this.#claims]) this.#drop(claim);
  }

  #drop(claim: Claim): void {
    for (const held of claim.held) held.close();
    const at = this.#claims.indexOf(claim);
    if (at >= 0) this.#claims.splice(at, 1);
  }
}

const samePort = (one: PublishedPort, other: PublishedPort) =>
  one.protocol === other.protocol && one.hostPort === other.hostPort && one.hostIp === other.hostIp;

/** The addresses of the host that a published port is held on. */
export function hostAddresses(hostIp: string): string[] {
  if (hostIp !== "") return [hostIp];
  return hasIpv6() ? ["0.0.0.0", "::"] : ["0.0.0.0"];
}

async function listen(address: string, port: PublishedPort, target: PortTarget): Promise<HeldPort> {
  // Nothing carries SCTP here; the packet filter's rules alone do.
  if (port.protocol === "sctp") return { close: () => undefined };
  const hold = port.protocol === "tcp" ? holdTcp : holdUdp;
  try {
    return await hold(address, port.hostPort, target);
  } catch (error) {
    const { code = "UNKNOWN" } = error as { code?: string };
    const words = WORDS[code] ?? code;
    const shown = address.includes(":") ? `[${address}]` : address;
    const network = `${port.protocol}${address.includes(":") ? 6 : 4}`;
    throw broken(
      op,
      `Error starting userland proxy: listen ${network} ${shown}:${port.hostPort}: bind: ${words}`,
      [{ kind: "errno", value: code, ref: `${shown}:${port.hostPort}/${port.protocol}` }],
      code === "EADDRINUSE" ? portTaken(port.hostPort) : {},
    );
  }
}

function portTaken(port: number): Known {
  return {
    causeId: "port-taken",
    cause: `somebody has port ${port} of the host already`,
    fix: `see who: ss -lnp 'sport = :${port}'; end it, or publish another port`,
  };
}

const WORDS: Record<string, string> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};

/** Where ports are chosen: the kernel's own range for clients, as dockerd does. */
function dynamicRange(): [number, number] {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
    if (first > 0 && last >= first) return [first, last];
  } catch {
    // The usual range will do.
  }
  return [32_768, 60_999];
}
