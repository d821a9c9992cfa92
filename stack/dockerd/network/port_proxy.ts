import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";

/** Where a proxy carries what it gets. */
export interface PortTarget {
  address: string;
  port: number;
}

/** A port of the host that is held open. */
export interface HeldPort {
  close(): void;
}

interface UdpClient {
  socket: UdpSocket;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Clients of one UDP port that are remembered at a time: the longest idle goes first. */
const MAX_UDP_CLIENTS = 1024;
const UDP_IDLE_MS = 90_000;
/** Connections of one TCP port that are carried at a time. */
const MAX_TCP_CLIENTS = 4096;

/**
 * Listens on a port of the host and carries connections to the container: for clients that the
 * packet filter's rules do not lead there (on `::1`, or on a host without such rules). Holding the
 * port also keeps others from taking it. Rejects with the system call's error.
 */
export async function holdTcp(host: string, port: number, target: PortTarget): Promise<HeldPort> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const inner = connect({ host: target.address, port: target.port, allowHalfOpen: true });
    for (const socket of [client, inner]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      // Either end's failure ends both, below.
      socket.on("error", () => undefined);
    }
    client.once("close", () => inner.destroy());
    inner.once("close", () => client.destroy());
    client.pipe(inner);
    inner.pipe(client);
  });
  server.maxConnections = MAX_TCP_CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: true }, () => {
      server.off("error", reject);
      server.on("error", () => undefined);
      resolve();
    });
  });
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** The same for datagrams: each client has a socket of its own towards the container. */
export async function holdUdp(host: string, port: number, target: PortTarget): Promise<HeldPort> {
  const family = host.includes(":") ? "udp6" : "udp4";
  const inward = target.address.includes(":") ? "udp6" : "udp4";
  const outer = createSocket({ type: family, ipv6Only: true });
  const clients = new Map<string, UdpClient>();
  const forget = (key: string) => {
    const client = clients.get(key);
    if (!client) return;
    clients.delete(key);
    clearTimeout(client.timer);
    client.socket.close();
  };
  outer.on("message", (data, from) => {
    const key = `${from.address} ${from.port}`;
    let client = clients.get(key);
    if (client) {
      // Put last again: the first is the longest idle.
      clients.delete(key);
    } else {
      const oldest = clients.size >= MAX_UDP_CLIENTS ? clients.keys().next().value : undefined;
      if (oldest !== undefined) forget(oldest);
      client = { socket: createSocket(inward), timer: undefined };
      client.socket.on("message", (answer) => outer.send(answer, from.port, from.address));
      client.socket.on("error", () => forget(key));
    }
    clearTimeout(client.timer);
    client.timer = setTimeout(() => forget(key), UDP_IDLE_MS);
    clients.set(key, client);
    client.socket.send(data, target.port, target.address);
  });
  await new Promise<void>((resolve, reject) => {
    outer.once("error", reject);
    outer.bind({ address: host, port }, () => {
      outer.off("error", reject);
      outer.on("error", () => undefined);
      resolve();
    });
  });
  return {
    close: () => {
      for (const key of [...clients.keys()]) forget(key);
      outer.close();
    },
  };
}
