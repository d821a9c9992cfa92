import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { CreateInputs } from "./plan_inputs.ts";
import type { Hook, Process } from "./spec_types.ts";

/** The environment with each name once: the last value wins, at the first one's place. */
export function processEnvironment(entries: readonly string[]): string[] {
  const values = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    const wrong = (why: string) => {
      return specError(`${why}: ${JSON.stringify(entry)}`, `process.env[${index}]`);
    };
    const end = entry.indexOf("=");
    if (end < 0) throw wrong("invalid environment variable");
    if (end === 0) throw wrong("environment variable name can't be empty");
    if (entry.includes("\0")) throw wrong("environment variable can't contain null(\\x00)");
    values.set(entry.slice(0, end), entry);
  }
  return [...values.values()];
}

/** Finds the program, as the user that will run it. */
export function compileFind(plan: PlanBuilder, process: Process): void {
  const name = process.args?.[0];
  if (name === undefined) throw specError("args must not be empty", "process.args");
  const path = processEnvironment(process.env ?? []).find((entry) => entry.startsWith("PATH="));
  plan.add({ op: "find-program", name, path: path?.slice("PATH=".length) ?? "" });
}

/** The last operation. */
export function compileExecve(plan: PlanBuilder, process: Process): void {
  const env = processEnvironment(process.env ?? []).filter((entry) => entry !== "HOME=");
  plan.add({ op: "execve", args: process.args ?? [], env });
}

/** Hooks that init runs itself, inside the container's namespaces. */
export function compileHooks(
  plan: PlanBuilder,
  inputs: CreateInputs,
  kind: "createContainer" | "startContainer",
): void {
  const status = kind === "createContainer" ? "creating" : "created";
  for (const [index, hook] of (inputs.spec.hooks?.[kind] ?? []).entries()) {
    compileHook(plan, inputs, `${kind} hook #${index}`, status, hook);
  }
}

function compileHook(
  plan: PlanBuilder,
  inputs: CreateInputs,
  kind: string,
  status: string,
  hook: Hook,
): void {
  const state = {
    ociVersion: inputs.spec.ociVersion,
    id: inputs.id,
    status,
    bundle: inputs.bundle,
    ...(inputs.spec.annotations ? { annotations: inputs.spec.annotations } : {}),
  };
  // The process id is known to init alone: it goes between the two halves of the object.
  const head = JSON.stringify(state);
  plan.add({
    op: "hook",
    kind,
    path: hook.path,
    args: hook.args?.length ? hook.args : [hook.path],
    env: hook.env ?? [],
    timeoutMs: Math.max(0, Math.trunc((hook.timeout ?? 0) * 1000)),
    stateHead: `${head.slice(0, -1)},"pid":`,
    stateTail: "}",
  });
}
