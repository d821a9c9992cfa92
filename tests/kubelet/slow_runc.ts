import { chmodSync, writeFileSync } from "node:fs";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";

/**
 * Debian's runc, whose exec starts its threads 50 ms later: after it joined the container's cgroup.
 * It loses a race that it else loses now and then, which makes the incident happen every time.
 */
export function slowRunc(sandbox: Sandbox): string {
  const path = sandbox.path("slow-runc");
  const inject = "-e trace=clone3 -e inject=clone3:delay_enter=50ms";
  const slow = `exec strace -f -qq -o /dev/null ${inject} ${GENUINE.runc} "$@"`;
  const script = `#!/bin/sh\ncase " $* " in *" exec "*) ${slow};; esac\nexec ${GENUINE.runc} "$@"\n`;
  writeFileSync(path, script, { mode: 0o755 });
  chmodSync(path, 0o755);
  return path;
}
