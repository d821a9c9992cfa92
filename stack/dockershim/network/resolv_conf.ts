import { writeFileSync } from "node:fs";
import type { DNSConfig } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";

/** The text of a pod's /etc/resolv.conf. */
export function resolvConf({ servers, searches, options }: DNSConfig): string {
  const lines: string[] = [];
  if (searches.length > 0) lines.push(`search ${searches.join(" ")}`);
  for (const server of servers) lines.push(`nameserver ${server}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Puts a pod's name servers into the file that Docker made for its sandbox, which all containers
 * of the pod share. In place: the file is bound into them.
 */
export function rewriteResolvConf(path: string, dns: DNSConfig): void {
  writeFileSync(path, resolvConf(dns));
}
