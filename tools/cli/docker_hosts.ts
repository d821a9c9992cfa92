import { readFileSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";
import {
  type ForwardAddress,
  forwardListener,
  type ListenerTls,
} from "#wire/docker-api/server/forward_listener.ts";

/** The first descriptor that systemd passes. */
const FIRST_FD = 3;
const MAX_FDS = 16;
const FOLDER = "/root/.docker";

/** Flags of TLS, as dockerd has them. */
export interface TlsFlags {
  tls?: boolean;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

/** Where clients come in: paths of unix sockets, and what is carried to the first of them. */
export interface DockerHosts {
  sockets: string[];
  forwarded: ForwardAddress[];
}

const fault = (message: string) =>
  failure({ layer: "cli", op: "read flags", code: "invalid_argument", message });

/**
 * Reads `-H`: `unix:///path`, `tcp://host:port`, `fd://` (sockets that systemd opened). A TCP
 * address that others can reach needs TLS with clients' certificates: who talks to the daemon is
 * root.
 */
export function readHosts(given: readonly string[], tls: TlsFlags): DockerHosts {
  const hosts: DockerHosts = { sockets: [], forwarded: [] };
  for (const address of given) {
    if (address.startsWith("fd://")) hosts.forwarded.push(...passedSockets());
    else if (address.startsWith("tcp://")) hosts.forwarded.push(tcpAddress(address, tls));
    else {
      const path = address.replace(/^unix:\/\//, "");
      if (!path.startsWith("/")) {
        throw fault(`-H ${address}: unix:///path, tcp://host:port and fd:// are served`);
      }
      hosts.sockets.push(path);
    }
  }
  return hosts;
}

/** Sockets that a service manager opened for us (sd_listen_fds). */
function passedSockets(): ForwardAddress[] {
  const count = Number(process.env["LISTEN_FDS"] ?? 0);
  const isOurs = process.env["LISTEN_PID"] === String(process.pid);
  if (!isOurs || !(count > 0) || count > MAX_FDS) {
    throw fault("-H fd://: no sockets found via socket activation: start it by systemd");
  }
  // Ours alone: a child would take them for its own.
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete process.env[name];
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FD + index }));
}

function tcpAddress(address: string, flags: TlsFlags): ForwardAddress {
  if (!URL.canParse(address)) throw fault(`-H ${address}: it is no tcp://host:port`);
  const url = new URL(address);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1";
  const tls = readTls(flags);
  const port = Number(url.port || (tls ? 2376 : 2375));
  const local = /^(127\.|localhost$|::1$)/.test(host);
  if (!local && !tls?.clientCa) {
    throw fault(`-H ${address}: whoever reaches it is root here: use --tlsverify`);
  }
  return { host, port, ...(tls ? { tls } : {}) };
}

function readTls(flags: TlsFlags): ListenerTls | undefined {
  if (!flags.tls && !flags.tlsverify) return undefined;
  const cert = readPem(flags.tlscert ?? `${FOLDER}/cert.pem`);
  const key = readPem(flags.tlskey ?? `${FOLDER}/key.pem`);
  if (!flags.tlsverify) return { cert, key };
  return { cert, key, clientCa: readPem(flags.tlscacert ?? `${FOLDER}/ca.pem`) };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fault(`could not load X509 key pair: ${(error as Error).message}`);
  }
}

/** Opens what is carried to `socketPath`; how it is closed again goes to `unwind`. */
export async function openForwarded(
  addresses: readonly ForwardAddress[],
  socketPath: string,
  unwind: (() => Promise<void> | void)[],
): Promise<void> {
  for (const address of addresses) {
    const listener = await forwardListener(address, socketPath);
    unwind.push(() => listener.close());
  }
}
