import { copyFileSync, existsSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import type { Sandbox } from "../../lib/sandbox.ts";

/** Names a probe that is compiled already: the lanes' machines have no compiler. */
const COMPILED = "CATENA_PROBE";

/** Compiles probe.c once a sandbox and puts it into a root file system as /bin/probe. */
export async function installProbe(sandbox: Sandbox, rootfs: string): Promise<void> {
  copyFileSync(await probeProgram(sandbox), `${rootfs}/bin/probe`);
}

async function probeProgram(sandbox: Sandbox): Promise<string> {
  const compiled = process.env[COMPILED];
  if (compiled) return compiled;
  const path = sandbox.path("probe");
  if (!existsSync(path)) {
    await mustRun(["gcc", "-static", "-O1", "-o", path, `${import.meta.dir}/probe.c`]);
  }
  return path;
}
