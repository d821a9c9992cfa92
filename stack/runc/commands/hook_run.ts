import { ChainError } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import { errnoOf } from "#lib/linux/file.ts";
import type { HookConfig, HookName } from "../state/container_config.ts";
import { type ContainerState, labelsOf } from "../state/container_state.ts";

/** A hook's output that an error quotes: its end matters most. */
const MAX_QUOTED = 4096;
const NS_PER_MS = 1e6;
const MS_PER_S = 1000;

/** What runc says it is at when these fail: they are part of starting init. */
const STARTING = "unable to start container process: error during container init: ";
const HOOK_STEPS: Partial<Record<HookName, string>> = {
  prestart: STARTING,
  createRuntime: STARTING,
};

/** The state that a hook reads from stdin (runtime-spec, state). */
function hookState(state: ContainerState, status: string, pid: number): string {
  const { bundle, annotations } = labelsOf(state.config);
  return JSON.stringify({
    ociVersion: state.config.version,
    id: state.id,
    status,
    ...(pid > 0 ? { pid } : {}),
    bundle,
    ...(annotations ? { annotations } : {}),
  });
}

const environment = (env: string[] | null): Record<string, string> => {
  if (!env) return childEnv();
  const out: Record<string, string> = {};
  for (const entry of env) {
    const split = entry.indexOf("=");
    if (split > 0) out[entry.slice(0, split)] = entry.slice(split + 1);
  }
  return out;
};

async function runHook(hook: HookConfig, input: string, cwd: string): Promise<string | undefined> {
  const argv = hook.args?.length ? hook.args : [hook.path];
  const child = Bun.spawn([hook.path, ...argv.slice(1)], {
    argv0: argv[0]!,
    cwd,
    env: environment(hook.env),
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  let late = false;
  const limitMs = hook.timeout === null ? undefined : hook.timeout / NS_PER_MS;
  const timer =
    limitMs === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          child.kill("SIGKILL");
        }, limitMs);
  // What the hook left behind may hold the pipes open: wait for the hook, not for end of file.
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  clearTimeout(timer);
  if (late) return `hook ran past specified timeout of ${(limitMs! / MS_PER_S).toFixed(1)}s`;
  if (child.exitCode === 0) return undefined;
  const [stdout, stderr] = await Promise.race([texts, Bun.sleep(100).then(() => ["", ""])]);
  const how = child.signalCode ? `signal: ${child.signalCode}` : `exit status ${child.exitCode}`;
  return (
    `error running hook: ${how}, stdout: ${stdout!.slice(-MAX_QUOTED)}, ` +
    `stderr: ${stderr!.slice(-MAX_QUOTED)}`
  );
}

/**
 * Runs the hooks of one moment, in order, in the runtime's namespaces. Rejects at the first that
 * fails, naming which.
 */
export async function runHooks(
  name: HookName,
  state: ContainerState,
  status: "creating" | "created" | "running" | "stopped",
): Promise<void> {
  const hooks = state.config.Hooks?.[name];
  if (!hooks?.length) return;
  const input = hookState(state, status, status === "stopped" ? 0 : state.init_process_pid);
  const { bundle } = labelsOf(state.config);
  for (const [index, hook] of hooks.entries()) {
    let message: string | undefined;
    try {
      message = await runHook(hook, input, bundle);
    } catch (error) {
      const errno = errnoOf(error);
      message = `fork/exec ${hook.path}: ${errno ? errnoText(errno) : (error as Error).message}`;
    }
    if (message === undefined) continue;
    throw new ChainError([
      {
        layer: "runc",
        op: `${name} hook`,
        code: "aborted",
        message: `${HOOK_STEPS[name] ?? ""}error running ${name} hook #${index}: ${message}`,
        evidence: [{ kind: "path", value: `hooks.${name}[${index}]`, ref: hook.path }],
      },
    ]);
  }
}

/** Whether any hook of this moment is there to be run. */
export function hasHooks(state: ContainerState, name: HookName): boolean {
  return (state.config.Hooks?.[name]?.length ?? 0) > 0;
}
