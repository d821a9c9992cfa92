import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { plannedPaths } from "#stack/runc/cgroups/container_cgroup.ts";
import { joinTarget } from "#stack/runc/cgroups/join_target.ts";
import { checkProcess, parseObject } from "#stack/runc/commands/bundle_config.ts";
import { readHostFacts, wantedFacts } from "#stack/runc/process/host_facts.ts";
import { LocalLauncher } from "#stack/runc/process/local_launcher.ts";
import { compileFilter } from "#stack/runc/process/seccomp_input.ts";
import { CatenaRuntime } from "#stack/runc/runtime.ts";
import { compileCreate } from "#stack/runc/spec/create_compile.ts";
import type { CreateInputs } from "#stack/runc/spec/plan_inputs.ts";
import { operationText, planText } from "#stack/runc/spec/plan_text.ts";
import type { Spec } from "#stack/runc/spec/spec_types.ts";
import { containerConfig } from "#stack/runc/state/spec_config.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import { diffLines } from "../diff_lines.ts";

export interface PlanFlags {
  diff?: string;
  dryRun?: boolean;
}

/** Numbers that stand for descriptors which only a launch opens. */
const FIRST_DESCRIPTOR = 3;
const ID = "plan";

/**
 * `catena plan config.json`: the operations by which this host would make the container. `--diff`
 * compares two; `--dry-run` performs them in a throw-away container that never starts its program,
 * and names the operation that fails. Returns 0, or 1 for a difference or a failure.
 */
export async function runPlan(path: string, flags: PlanFlags): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "catena-plan-"));
  try {
    const plan = planOf(path, scratch);
    if (flags.diff !== undefined) {
      const words = (one: Plan) => one.operations.map(operationText);
      const lines = diffLines(words(plan), words(planOf(flags.diff, scratch)));
      process.stdout.write(lines.map((line) => `${neutralText(line)}\n`).join(""));
      return lines.some((line) => !line.startsWith(" ")) ? 1 : 0;
    }
    process.stdout.write(neutralLines(planText(plan)));
    return flags.dryRun ? await dryRun(path, plan, scratch) : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Names in a configuration are anybody's. */
function neutralLines(text: string): string {
  return text.split("\n").map(neutralText).join("\n");
}

function readSpec(path: string): { spec: Spec; bundle: string } {
  const file = resolve(path);
  const spec = parseObject(readFileSync(file, "utf8"), file) as Spec;
  checkProcess(spec.process);
  return { spec, bundle: dirname(file) };
}

/** Compiles a file's plan against this host, with made-up descriptors. */
function planOf(path: string, scratch: string): Plan {
  const { spec, bundle } = readSpec(path);
  const rootfs = resolve(bundle, spec.root?.path ?? "rootfs");
  const config = containerConfig({
    id: ID,
    spec,
    bundle,
    noPivot: false,
    noNewKeyring: false,
    systemd: false,
    rootlessEuid: false,
    rootlessCgroups: false,
  });
  const inputs: CreateInputs = {
    id: ID,
    spec,
    cgroup: joinTarget(plannedPaths(config.cgroups), scratch),
    facts: readHostFacts(wantedFacts(spec, spec.process, rootfs)),
    fds: descriptors(spec),
    preserveFds: 0,
    rootfs,
    bundle,
    execFifo: join(scratch, "exec.fifo"),
    noPivot: false,
    noNewKeyring: false,
  };
  const seccomp = compileFilter(spec, scratch);
  if (seccomp) inputs.seccomp = seccomp;
  const { plan, warnings } = compileCreate(inputs);
  for (const warning of warnings) process.stderr.write(`catena plan: ${neutralText(warning)}\n`);
  return plan;
}

function descriptors(spec: Spec): CreateInputs["fds"] {
  let next = FIRST_DESCRIPTOR;
  const fds: CreateInputs["fds"] = { namespaces: {} };
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (path) fds.namespaces[type] = next++;
  }
  if (spec.process?.terminal) fds.console = next++;
  return fds;
}

/** Creates and deletes a container of that plan under names of its own. */
async function dryRun(path: string, plan: Plan, scratch: string): Promise<number> {
  const { spec, bundle } = readSpec(path);
  const id = `catena-plan-${randomBytes(6).toString("hex")}`;
  const copy = structuredClone(spec);
  copy.root = { ...copy.root, path: resolve(bundle, spec.root?.path ?? "rootfs") };
  if (copy.process) copy.process.terminal = false;
  if (copy.linux) copy.linux.cgroupsPath = `/${id}`;
  writeFileSync(join(scratch, "config.json"), JSON.stringify(copy), { mode: 0o600 });
  const runtime = new CatenaRuntime({ root: join(scratch, "root") });
  try {
    await runtime.create({ id, bundle: scratch, launcher: new LocalLauncher() });
  } catch (error) {
    if (error instanceof Error) process.stdout.write(`\nwould fail: ${error.message}\n`);
    return 1;
  }
  await runtime.delete(id, { force: true });
  process.stdout.write(`\nall ${plan.operations.length} operations can be performed here\n`);
  return 0;
}
