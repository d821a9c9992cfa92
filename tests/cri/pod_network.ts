import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { runCommand } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";

const PLUGINS = "/usr/lib/cni";
let networks = 0;

/** A bridge of the test's own, by Debian's CNI plugins. Nothing of it leaves the machine. */
export interface TestNetwork {
  confDir: string;
  binDir: string;
}

/** Writes the configuration; what the plugins make of it is removed with the sandbox. */
export function makeNetwork(sandbox: Sandbox): TestNetwork {
  // Unique among all test processes; the kernel takes fifteen letters.
  const bridge = `ct${(process.pid % 100_000).toString(36)}n${networks++}`;
  const path = sandbox.path("cni", "conf", "10-test.conflist");
  const config = {
    cniVersion: "0.4.0",
    name: bridge,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipam: {
          type: "host-local",
          dataDir: sandbox.path("cni", "leases"),
          ranges: [[{ subnet: `10.231.${process.pid % 256}.0/24` }]],
        },
      },
    ],
  };
  writeFileSync(path, JSON.stringify(config));
  sandbox.onClose(async () => {
    await runCommand(["ip", "link", "delete", bridge]);
  });
  return { confDir: dirname(path), binDir: PLUGINS };
}

/** Why pods cannot have a network here; undefined when they can. */
export function networkMissing(): string | undefined {
  if (!existsSync(`${PLUGINS}/bridge`)) return "containernetworking-plugins is not installed";
  return existsSync("/usr/sbin/ip") || existsSync("/sbin/ip") ? undefined : "there is no ip(8)";
}
