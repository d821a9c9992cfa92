import type { Slot } from "#wire/init-pipe/operation.ts";
import { isPrivate, type NamespaceWishes } from "./namespace_compile.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { Linux } from "./spec_types.ts";

/** Settings of the ipc namespace beside fs.mqueue.*. */
const IPC_SYSCTLS = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** Writes sysctls; one that is not the container's own would change the host, so it is refused. */
export function compileSysctls(
  plan: PlanBuilder,
  linux: Linux | undefined,
  proc: Slot,
  wishes: NamespaceWishes,
): void {
  for (const [key, value] of Object.entries(linux?.sysctl ?? {})) {
    const name = normalized(key);
    checkNamespaced(name, wishes, linux, `linux.sysctl.${key}`);
    plan.add({ op: "sysctl", proc, path: name.replaceAll(".", "/"), value });
  }
}

/** Slashes may separate as well; a dot is then part of a name (net/ipv4/conf/eth0.1/…). */
function normalized(key: string): string {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  if (slash < 0 || (dot >= 0 && dot < slash)) return key;
  return key.replaceAll("/", ".");
}

function checkNamespaced(
  name: string,
  wishes: NamespaceWishes,
  linux: Linux | undefined,
  at: string,
): void {
  const has = (type: "ipc" | "network" | "uts") => isPrivate(wishes, type);
  if (IPC_SYSCTLS.has(name) || name.startsWith("fs.mqueue.")) {
    if (has("ipc")) return;
    throw specError(`sysctl "${name}" is not allowed in the hosts ipc namespace`, at);
  }
  if (name.startsWith("net.")) {
    if (has("network")) return;
    throw specError(`sysctl "${name}" not allowed in host network namespace`, at);
  }
  if (name === "kernel.domainname" && has("uts")) return;
  if (name === "kernel.hostname") {
    throw specError(
      `sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`,
      at,
    );
  }
  if (name.startsWith("user.") && linux?.namespaces?.some(({ type }) => type === "user")) return;
  throw specError(`sysctl "${name}" is not in a separate kernel namespace`, at);
}
