import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { toChainError } from "#lib/errors/chain_error.ts";

/** Connections that one listener carries at a time. */
const MAX_CLIENTS = 1024;

/** What proves who is who on a TCP listener. Texts in PEM. */
export interface ListenerTls {
  cert: string;
  key: string;
  /** Clients must show a certificate of this authority. Absent: nobody is asked. */
  clientCa?: string;
}

/** A TCP address, or a listening socket that another has opened (socket activation). */
export type ForwardAddress = { fd: number } | { host: string; port: number; tls?: ListenerTls };

/**
 * Accepts clients elsewhere and carries their bytes to the daemon's own socket, both ways, half
 * closes included: hijacked streams work as they do there. Rejects when it cannot listen.
 */
export async function forwardListener(
  address: ForwardAddress,
  socketPath: string,
): Promise<{ close(): Promise<void> }> {
  const open = new Set<Socket>();
  const carry = (client: Socket) => {
    const inner = connect({ path: socketPath, allowHalfOpen: true });
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
  };
  const server = makeServer(address, carry);
  server.maxConnections = MAX_CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(toChainError(error, "dockerd", "listen")));
    server.listen("fd" in address ? { fd: address.fd } : address, () => resolve());
  });
  server.on("error", () => undefined);
  return {
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function makeServer(address: ForwardAddress, carry: (client: Socket) => void): Server {
  const tls = "fd" in address ? undefined : address.tls;
  if (!tls) return createServer({ allowHalfOpen: true }, carry);
  const { cert, key, clientCa } = tls;
  const asked = clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {};
  const server = createTlsServer({ cert, key, allowHalfOpen: true, ...asked }, carry);
  // A client that fails its handshake has nothing more to say.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}
