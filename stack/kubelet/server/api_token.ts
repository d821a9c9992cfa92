import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readTextIfAny, writeTextAtomically } from "#lib/linux/file.ts";

/**
 * The secret of the HTTP API: who can read STATE/kubelet.token is root on this host anyway. It is
 * made once, so that clients outlive the kubelet.
 */
export function apiToken(stateDir: string): string {
  const path = `${stateDir}/kubelet.token`;
  const kept = readTextIfAny(path)?.trim();
  if (kept && kept.length >= 32) return kept;
  mkdirSync(stateDir, { recursive: true, mode: 0o711 });
  const token = randomBytes(24).toString("hex");
  writeTextAtomically(path, `${token}\n`, 0o600);
  return token;
}
