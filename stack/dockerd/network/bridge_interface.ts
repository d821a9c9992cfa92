import { hasInterface } from "./host_network.ts";
import { runIp, runSystem } from "./system_command.ts";

/** What CNI's firewall plugin writes beside its rules. */
const COMMENT = [
  "-m",
  "comment",
  "--comment",
  "CNI firewall plugin rules (ingressPolicy: same-bridge)",
];

/** Removes a network's bridge from the host. One that was never made is no error. */
export async function removeBridge(name: string): Promise<void> {
  if (name === "" || !hasInterface(name)) return;
  await runIp(["link", "delete", "dev", name]);
  await removeIsolation(name);
}

/**
 * CNI's firewall plugin makes two rules for each bridge when its first container comes, and never
 * removes them: they are those of a network, not of a container.
 */
async function removeIsolation(bridge: string): Promise<void> {
  const [first, second] = ["CNI-ISOLATION-STAGE-1", "CNI-ISOLATION-STAGE-2"];
  for (const program of ["iptables", "ip6tables"]) {
    const rule = ["-i", bridge, "!", "-o", bridge, ...COMMENT, "-j", second];
    await runSystem([program, "-w", "5", "-D", first, ...rule]).catch(ignoreMissing);
    const drop = ["-o", bridge, ...COMMENT, "-j", "DROP"];
    await runSystem([program, "-w", "5", "-D", second, ...drop]).catch(ignoreMissing);
  }
}

/** No such rule, chain or program: there is nothing to remove. */
const ignoreMissing = () => undefined;

/** Leads the default route of a network namespace to a gateway on one of its networks. */
export async function setDefaultRoute(namespace: string, gateway: string): Promise<void> {
  if (gateway === "") return;
  const family = gateway.includes(":") ? "-6" : "-4";
  await runIp([family, "route", "replace", "default", "via", gateway], namespace);
}
