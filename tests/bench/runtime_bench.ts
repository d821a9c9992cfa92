import { existsSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { describeResult, runCommand } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { makeBundle } from "../lib/runtime_bundle.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { benchCommandParts, type CommandPart } from "./command_parts.ts";
import { measureInTurn, type Timing } from "./measure_in_turn.ts";

interface Runtime {
  name: string;
  /** The command line before `--root`. */
  argv: string[];
}

export interface RuntimeTimings {
  exec: Timing[];
  run: Timing[];
  /** create, start and delete, one after the other. */
  cycle: Timing[];
  parts: CommandPart[];
}

/** crun refuses a host with both cgroup versions: it gets a mount namespace without the second. */
const CRUN_WRAPPER = `#!/bin/sh
exec unshare -m --propagation private sh -c 'umount /sys/fs/cgroup/unified; exec "$0" "$@"' "$@"
`;
export const BARE_WRAPPER = "crun's wrapper alone";

/** Times `exec` and `run` of each runtime on equal bundles. */
export async function benchRuntimes(sandbox: Sandbox, samples: number): Promise<RuntimeTimings> {
  const runtimes = availableRuntimes(sandbox);
  for (const runtime of runtimes) await startContainer(sandbox, runtime);
  const options = { samples, gapMs: 300 };
  const wrapper = { name: BARE_WRAPPER, work: () => must([wrapperPath(sandbox), "true"]) };
  const exec = runtimes.map((runtime) => ({
    name: runtime.name,
    work: () => must([...command(sandbox, runtime), "exec", idOf(runtime), "true"]),
  }));
  const bundle = await makeBundle(sandbox, "run", { args: ["true"] });
  const run = runtimes.map((runtime) => ({
    name: runtime.name,
    work: () => must([...command(sandbox, runtime), "run", "--bundle", bundle, "run"]),
  }));
  const cycle = runtimes.map((runtime) => ({
    name: runtime.name,
    work: async () => {
      const own = command(sandbox, runtime);
      await must([...own, "create", "--bundle", bundle, "cycle"]);
      await must([...own, "start", "cycle"]);
      await must([...own, "delete", "--force", "cycle"]);
    },
  }));
  return {
    exec: await measureInTurn([...exec, wrapper], options),
    run: await measureInTurn(run, options),
    cycle: await measureInTurn(cycle, options),
    parts: await benchCommandParts(sandbox, parts(sandbox, runtimes, bundle), samples),
  };
}

/** The commands whose time is taken apart: ours, and genuine runc's beside them. */
function parts(sandbox: Sandbox, runtimes: Runtime[], bundle: string) {
  return runtimes
    .filter(({ name }) => name !== "crun")
    .reverse()
    .flatMap((runtime) => {
      const own = command(sandbox, runtime);
      return [
        { what: `${runtime.name} --version`, argv: [...runtime.argv, "--version"] },
        { what: `${runtime.name} state`, argv: [...own, "state", idOf(runtime)] },
        { what: `${runtime.name} exec`, argv: [...own, "exec", idOf(runtime), "true"] },
        { what: `${runtime.name} run`, argv: [...own, "run", "--bundle", bundle, "run"] },
      ];
    });
}

function availableRuntimes(sandbox: Sandbox): Runtime[] {
  const runtimes = [{ name: "runc", argv: [GENUINE.runc] as string[] }];
  if (existsSync(GENUINE.crun)) {
    writeFileSync(wrapperPath(sandbox), CRUN_WRAPPER, { mode: 0o755 });
    runtimes.push({ name: "crun", argv: [wrapperPath(sandbox), GENUINE.crun] });
  }
  if (reasonToSkip(["catena runc"]) === undefined) {
    runtimes.push({ name: "catena-runc", argv: [binPath("catena-runc")] });
  }
  return runtimes;
}

const wrapperPath = (sandbox: Sandbox) => sandbox.path("crun-wrapper");
const idOf = ({ name }: Runtime) => `bench-${name}`;

function command(sandbox: Sandbox, { name, argv }: Runtime): string[] {
  return [...argv, "--root", sandbox.path("runtime", name)];
}

async function startContainer(sandbox: Sandbox, runtime: Runtime): Promise<void> {
  const id = idOf(runtime);
  const bundle = await makeBundle(sandbox, id, { args: ["sleep", "100000"] });
  const result = await runCommand([
    ...command(sandbox, runtime),
    ...["run", "--detach", "--bundle", bundle, id],
  ]);
  if (result.code !== 0) throw new Error(describeResult(result));
}

async function must(argv: string[]): Promise<void> {
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const code = await child.exited;
  if (code === 0) return;
  throw new Error(`${argv.join(" ")}: ${code}: ${await child.stderr.text()}`);
}
