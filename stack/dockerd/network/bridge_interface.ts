import { hasInterface } from "./host_network.ts";
import { runIp } from "./ip_command.ts";

/** Removes a network's bridge from the host. One that was never made is no error. */
export async function removeBridge(name: string): Promise<void> {
  if (name === "" || !hasInterface(name)) return;
  await runIp(["link", "delete", "dev", name]);
}

/** Leads the default route of a network namespace to a gateway on one of its networks. */
export async function setDefaultRoute(namespace: string, gateway: string): Promise<void> {
  if (gateway === "") return;
  const family = gateway.includes(":") ? "-6" : "-4";
  await runIp([family, "route", "replace", "default", "via", gateway], namespace);
}
