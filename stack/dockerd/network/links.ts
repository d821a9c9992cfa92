import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { conflict, invalid } from "../refusals.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import { parsePortKey } from "./port_wish.ts";

const op = "link containers";

/** A container that another names by `--link` on the default network. */
export interface Linked {
  alias: string;
  container: Container;
  live: LiveEndpoint;
}

/** Reads `target:alias` or `target`. */
export function parseLink(text: string): { target: string; alias: string } {
  const parts = text.split(":");
  const [target = "", alias = target] = parts;
  if (target === "" || alias === "" || parts.length > 2) {
    throw invalid(op, `bad format for links: ${text}`);
  }
  // What `inspect` shows, `/db:/web/alias`, is taken back too.
  return { target: target.replace(/^\//, ""), alias: alias.split("/").at(-1)! };
}

/** Checks the links of a container before it is made: each target must be there. */
export function checkLinks(daemon: Daemon, links: readonly string[]): void {
  for (const text of links) {
    const { target } = parseLink(text);
    if (!daemon.containers.has(target)) {
      throw invalid(op, `could not get container for ${target}: No such container: ${target}`);
    }
  }
}

/** The containers that a container is linked to on the default network, as far as they run. */
export function linkedContainers(daemon: Daemon, container: Container): Linked[] {
  const { hostConfig, networks = {} } = container.record;
  if (!networks["bridge"]) return [];
  const out: Linked[] = [];
  for (const text of hostConfig.Links ?? []) {
    const { target, alias } = parseLink(text);
    if (!daemon.containers.has(target)) continue;
    const other = daemon.find(target);
    const live = other.record.networks?.["bridge"]?.live;
    if (live?.address) out.push({ alias, container: other, live });
  }
  return out;
}

/** `HostConfig.Links` as inspect shows them: `/db:/web/alias`. */
export function linkViews({ record }: Container): string[] | null {
  const links = record.hostConfig.Links ?? [];
  if (links.length === 0) return null;
  return links.map(parseLink).map((link) => `/${link.target}:/${record.name}/${link.alias}`);
}

/** The further names, `/web/alias`, that containers have by the links of others. */
export function linkNames(daemon: Daemon): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { record } of daemon.containers.all()) {
    for (const { target, alias } of (record.hostConfig.Links ?? []).map(parseLink)) {
      if (!daemon.containers.has(target)) continue;
      const { id } = daemon.find(target);
      names.set(id, [...(names.get(id) ?? []), `/${record.name}/${alias}`]);
    }
  }
  return names;
}

/** A container cannot start before those that it is linked to. Throws in dockerd's words. */
export function checkLinkedRun(daemon: Daemon, container: Container): void {
  for (const text of container.record.hostConfig.Links ?? []) {
    const { target, alias } = parseLink(text);
    const running = daemon.containers.has(target) && daemon.find(target).record.state.running;
    if (running) continue;
    throw conflict(
      op,
      `Cannot link to a non running container: /${target} AS /${container.record.name}/${alias}`,
    );
  }
}

/** The variables that `--link` brings: where the linked container's exposed ports are. */
export function linkEnv(daemon: Daemon, container: Container): string[] {
  const out: string[] = [];
  for (const { alias, container: other, live } of linkedContainers(daemon, container)) {
    const prefix = alias.toUpperCase().replace(/-/g, "_");
    const { ExposedPorts, Env } = other.record.config;
    const ports = Object.keys(ExposedPorts ?? {})
      .map(parsePortKey)
      .sort((a, b) => a.first - b.first);
    const url = (port: { protocol: string; first: number }) =>
      `${port.protocol}://${live.address}:${port.first}`;
    if (ports[0]) out.push(`${prefix}_PORT=${url(ports[0])}`);
    for (const run of portRuns(ports)) {
      if (run.length < 2) continue;
      const [first, last] = [run[0]!, run.at(-1)!];
      const name = `${prefix}_PORT_${first.first}_${first.protocol.toUpperCase()}`;
      out.push(
        `${name}_START=${url(first)}`,
        `${name}_PORT_START=${first.first}`,
        `${name}_END=${url(last)}`,
        `${name}_PORT_END=${last.first}`,
      );
    }
    for (const port of ports) {
      const name = `${prefix}_PORT_${port.first}_${port.protocol.toUpperCase()}`;
      out.push(
        `${name}=${url(port)}`,
        `${name}_ADDR=${live.address}`,
        `${name}_PORT=${port.first}`,
        `${name}_PROTO=${port.protocol}`,
      );
    }
    out.push(`${prefix}_NAME=/${container.record.name}/${alias}`);
    for (const entry of Env ?? []) {
      const name = entry.split("=")[0]!;
      if (entry.includes("=") && name !== "HOME" && name !== "PATH") {
        out.push(`${prefix}_ENV_${entry}`);
      }
    }
  }
  return out;
}

type LinkedPort = ReturnType<typeof parsePortKey>;

/** Ports of one protocol that follow each other. */
function portRuns(ports: readonly LinkedPort[]): LinkedPort[][] {
  const runs: LinkedPort[][] = [];
  for (const port of ports) {
    const run = runs.find(
      (other) => other[0]!.protocol === port.protocol && other.at(-1)!.first + 1 === port.first,
    );
    if (run) run.push(port);
    else runs.push([port]);
  }
  return runs;
}
