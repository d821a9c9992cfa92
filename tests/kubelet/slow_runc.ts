import { chmodSync, writeFileSync } from "node:fs";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";

/**
 * Debian's runc, whose exec starts its threads 50 ms later: after it joined the container's
 * cgroup. It loses every time the race that it loses now and then.
 */
export function slowRunc(sandbox: Sandbox): string {
  const path = sandbox.path("slow", "runc");
  const inject = "-e trace=clone3 -e inject=clone3:delay_enter=50ms";
  const slow = `exec strace -f -qq -o /dev/null ${inject} ${GENUINE.runc} "$@"`;
  const choose = `case " $* " in *" exec "*) ${slow};; esac`;
  const script = `#!/bin/sh\n${choose}\nexec ${GENUINE.runc} "$@"\n`;
  writeFileSync(path, script, { mode: 0o755 });
  chmodSync(path, 0o755);
  return path;
}
