import type { PortMap } from "#wire/docker-api/types/container_config.ts";
import { invalid } from "../refusals.ts";
import { parseAddress } from "./subnet.ts";

const op = "check ports";
/** Most ports that one container may publish or expose. */
const MAX_PORTS = 70_000;

export type PortProtocol = "tcp" | "udp" | "sctp";

/** A port of the container that is to be reachable at the host. */
export interface PortWish {
  protocol: PortProtocol;
  containerPort: number;
  /** Empty: every address of the host. */
  hostIp: string;
  /** First and last number that will do; 0 and 0: any that is free. */
  hostFirst: number;
  hostLast: number;
}

/** Reads `80/tcp`, `80`, and the ranges that old clients send. Throws what dockerd says. */
export function parsePortKey(key: string): {
  protocol: PortProtocol;
  first: number;
  last: number;
} {
  const match = key.match(/^([0-9]+)(?:-([0-9]+))?(?:\/(tcp|udp|sctp|TCP|UDP|SCTP))?$/);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first < 1 || last > 65_535 || last < first) {
    throw invalid(op, `invalid port specification: ${JSON.stringify(key)}`);
  }
  return { protocol: (match[3] ?? "tcp").toLowerCase() as PortProtocol, first, last };
}

/** What `PortBindings` ask for, and with `all` every exposed port besides. */
export function portWishes(
  bindings: PortMap,
  exposed: readonly string[],
  all: boolean,
): PortWish[] {
  const wishes: PortWish[] = [];
  for (const [key, list] of Object.entries(bindings)) {
    const { protocol, first, last } = parsePortKey(key);
    const given = list && list.length > 0 ? list : [{ HostIp: "", HostPort: "" }];
    for (const { HostIp, HostPort } of given) {
      for (let port = first; port <= last; port++) {
        wishes.push(bindingOf(protocol, port, port - first, HostIp ?? "", HostPort ?? ""));
      }
    }
  }
  const bound = new Set(wishes.map((wish) => `${wish.containerPort}/${wish.protocol}`));
  for (const key of all ? exposed : []) {
    const { protocol, first, last } = parsePortKey(key);
    for (let port = first; port <= last; port++) {
      if (!bound.has(`${port}/${protocol}`)) wishes.push(bindingOf(protocol, port, 0, "", ""));
    }
  }
  if (wishes.length > MAX_PORTS) throw invalid(op, `too many ports: ${wishes.length}`);
  return wishes;
}

function bindingOf(
  protocol: PortProtocol,
  containerPort: number,
  offset: number,
  hostIp: string,
  hostPort: string,
): PortWish {
  if (hostIp !== "" && !parseAddress(hostIp)) {
    throw invalid(op, `invalid IP address: ${JSON.stringify(hostIp)}`);
  }
  const match = hostPort.match(/^(?:([0-9]+)(?:-([0-9]+))?)?$/);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (!match || last > 65_535 || last < first) {
    throw invalid(op, `invalid port specification: ${JSON.stringify(hostPort)}`);
  }
  const single = first !== 0 && first === last;
  return {
    protocol,
    containerPort,
    hostIp,
    hostFirst: single ? first + offset : first,
    hostLast: single ? last + offset : last,
  };
}
