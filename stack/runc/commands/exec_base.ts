import { statFile } from "#lib/linux/file.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import { joinTarget, makeJoinLock } from "../cgroups/join_target.ts";
import { type ExecPlan, ExecPlans } from "../process/exec_plans.ts";
import { compileFilter } from "../process/seccomp_input.ts";
import type { ExecInputs, SeccompFilter } from "../spec/plan_inputs.ts";
import type { Spec } from "../spec/spec_types.ts";
import type { ContainerState } from "../state/container_state.ts";
import { namespaceType, specOfConfig } from "../state/spec_restore.ts";
import type { StateStore } from "../state/state_store.ts";

/** What every exec into a container starts from, worked out of its state. */
export interface ExecBase {
  state: ContainerState;
  spec: Spec;
  /** The seccomp profile, compiled. */
  filter: SeccompFilter | undefined;
  cgroup: CgroupJoin;
  /** Namespace files by the specification's names. */
  namespaces: Record<string, string>;
  /** Plans an exec that starts from here, or knows the plan. */
  plan?: (inputs: ExecInputs) => ExecPlan;
}

/** Works out what an exec starts from. Leaves the join lock and the compiled profile behind. */
export function execBase(store: StateStore, state: ContainerState): ExecBase {
  const stateDir = store.folder(state.id);
  makeJoinLock(stateDir);
  const namespaces: Record<string, string> = {};
  for (const [name, path] of Object.entries(state.namespace_paths)) {
    const type = namespaceType(name);
    if (type) namespaces[type] = path;
  }
  const spec = specOfConfig(state.config);
  const filter = compileFilter(spec, stateDir);
  return { state, spec, filter, cgroup: joinTarget(state.cgroup_paths, stateDir), namespaces };
}

interface KnownBase {
  stamp: string;
  base: ExecBase;
}

/** A base is a few kilobytes; a node runs some hundred containers. */
const MAX_KNOWN = 1024;

/**
 * The bases that a long-lived process has worked out, by container. Each holds for the very
 * state.json it was made of: whoever changes a state replaces the file.
 */
export class ExecBases {
  readonly #known = new Map<string, KnownBase>();
  readonly #plans = new ExecPlans();

  /** The base of a container, worked out anew when its state has changed. Throws as `load`. */
  of(store: StateStore, id: string): ExecBase {
    const stamp = stampOf(store, id);
    const known = this.#known.get(id);
    if (known && known.stamp === stamp) return known.base;
    this.#known.delete(id);
    const base = withoutRules(execBase(store, store.load(id)));
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    if (stamp === "") return base;
    base.plan = (inputs) => this.#plans.of(`${id} ${stamp}`, inputs);
    this.#known.set(id, { stamp, base });
    return base;
  }
}

/** Tells one state.json of a container from the next; empty when there is none. */
function stampOf(store: StateStore, id: string): string {
  const stat = statFile(store.stateFile(id));
  return stat ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.modifiedMs}` : "";
}

/** The rules of a profile are by far the most of a state, and compiled already. */
function withoutRules(base: ExecBase): ExecBase {
  const { state, spec } = base;
  const config = { ...state.config, seccomp: null };
  const profile = spec.linux?.seccomp;
  const kept: ExecBase = { ...base, state: { ...state, config } };
  if (profile) {
    kept.spec = { ...spec, linux: { ...spec.linux, seccomp: { ...profile, syscalls: [] } } };
  }
  return kept;
}
