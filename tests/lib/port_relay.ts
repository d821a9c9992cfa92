import { existsSync } from "node:fs";
import type { PrivateNetwork } from "./private_network.ts";
import type { Sandbox } from "./sandbox.ts";
import { waitUntil } from "./wait_until.ts";

/** Run inside the network: carries connections of a Unix socket to a port of its loopback. */
const PROGRAM = `
  import { connect, createServer } from "node:net";
  const [path, port] = process.argv.slice(1);
  createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
    const end = () => [near, far].forEach((one) => one.destroy());
    for (const [from, to] of [[near, far], [far, near]]) from.on("error", end).pipe(to);
  }).listen(path);
`;

let relays = 0;

/** A port of a private network's loopback, reachable from here. */
export interface PortRelay {
  /** The Unix socket: every network sees it. */
  path: string;
  close(): Promise<void>;
}

/** Makes a port of a private network's loopback reachable from here, on a Unix socket. */
export async function relayPort(
  sandbox: Sandbox,
  network: PrivateNetwork,
  port: number,
): Promise<PortRelay> {
  const path = sandbox.path("relays", `${relays++}.sock`);
  const argv = [process.execPath, "-e", PROGRAM, path, String(port)];
  const relay = Bun.spawn(network.enter(argv), { stdio: ["ignore", "ignore", "inherit"] });
  await waitUntil("the relay listens", () => existsSync(path));
  const close = async () => {
    relay.kill();
    await relay.exited;
  };
  return { path, close };
}
