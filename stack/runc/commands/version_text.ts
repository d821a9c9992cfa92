import { libseccompVersion } from "../seccomp/seccomp_library.ts";
import { RUNTIME_VERSION, SPEC_VERSION } from "./runtime_version.ts";

/** What follows "version": runc's lines, which `docker info` and containerd read. */
export function versionLines(): string {
  const lines = [RUNTIME_VERSION, `commit: v${RUNTIME_VERSION}`, `spec: ${SPEC_VERSION}`];
  const library = libseccompVersion();
  if (library) lines.push(`libseccomp: ${library}`);
  return lines.join("\n");
}
