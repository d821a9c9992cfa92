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
    const published = ["CNI-ADMIN", ...publishedRule(bridge)];
    await runSystem([program, "-w", "5", "-D", ...published]).catch(ignoreMissing);
  }
}

/** What lets new connections to published ports through where the host forwards nothing else. */
const publishedRule = (bridge: string) => [
  ...["-o", bridge, "-m", "conntrack", "--ctstate", "DNAT"],
  ...["-m", "comment", "--comment", "catena published ports", "-j", "ACCEPT"],
];

/**
 * Lets connections that were led to a published port reach a network's bridge. CNI's firewall
 * plugin accepts answers only, which is not enough where the policy is to drop: on every host that
 * Docker has been on. Its chain for administrators is the place; it is there once a container is.
 */
export function acceptPublished(bridge: string, ipv6: boolean): Promise<void> {
  // One look and one addition at a time: two at once would both find it missing.
  const before = accepting.get(bridge) ?? Promise.resolve();
  const work = before.then(() => ensureAccepted(bridge, ipv6));
  const settled = work.then(ignoreMissing, ignoreMissing).finally(() => {
    if (accepting.get(bridge) === settled) accepting.delete(bridge);
  });
  accepting.set(bridge, settled);
  return work;
}

const accepting = new Map<string, Promise<void>>();

async function ensureAccepted(bridge: string, ipv6: boolean): Promise<void> {
  for (const program of ipv6 ? ["iptables", "ip6tables"] : ["iptables"]) {
    const rule = ["CNI-ADMIN", ...publishedRule(bridge)];
    try {
      await runSystem([program, "-w", "5", "-C", ...rule]);
    } catch {
      await runSystem([program, "-w", "5", "-A", ...rule]);
    }
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
