import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { GENUINE } from "../../lib/genuine_stack.ts";
import type { Sandbox } from "../../lib/sandbox.ts";

export type RuntimeName = "catena-runc" | "runc" | "crun";

/** A runtime's command line. */
export interface RuntimeUnderTest {
  name: RuntimeName;
  /** What stands before the global flags. */
  argv: string[];
  /** Folder of its container states, its own. */
  root: string;
}

/** crun refuses a host with both cgroup versions: it gets a mount namespace without the second. */
const CRUN_WRAPPER = `#!/bin/sh
[ -d /sys/fs/cgroup/unified ] || exec "$@"
exec unshare -m --propagation slave sh -c 'umount /sys/fs/cgroup/unified; exec "$0" "$@"' "$@"
`;

/** The runtimes of this host, ours first; `only` chooses among them. */
export function runtimesUnderTest(sandbox: Sandbox, only: string[] = []): RuntimeUnderTest[] {
  // A container's root in a user namespace is anyone, to the host.
  chmodSync(sandbox.folder, 0o711);
  const wrapper = sandbox.path("crun-wrapper");
  writeFileSync(wrapper, CRUN_WRAPPER, { mode: 0o755 });
  const all: [RuntimeName, string, string[]][] = [
    ["catena-runc", binPath("catena-runc"), []],
    ["runc", GENUINE.runc, []],
    ["crun", GENUINE.crun, [wrapper]],
  ];
  return all
    .filter(([name, path]) => existsSync(path) && (only.length === 0 || only.includes(name)))
    .map(([name, path, before]) => ({
      name,
      argv: [...before, path],
      root: sandbox.path("states", name),
    }));
}
