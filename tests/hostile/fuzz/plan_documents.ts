import { ChainError } from "#lib/errors/chain_error.ts";
import { checkProcess, checkSpec, parseObject } from "#stack/runc/commands/bundle_config.ts";
import { seccompFilter } from "#stack/runc/seccomp/seccomp_filter.ts";
import { compileCreate } from "#stack/runc/spec/create_compile.ts";
import { compileExec } from "#stack/runc/spec/exec_compile.ts";
import type { CreateInputs, HostFacts } from "#stack/runc/spec/plan_inputs.ts";
import type { NamespaceType, Process, Spec } from "#stack/runc/spec/spec_types.ts";
import { containerConfig } from "#stack/runc/state/spec_config.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import { encodePlan } from "#wire/init-pipe/plan_encode.ts";
import { escapes } from "./plan_escapes.ts";

const ALL = (1n << 41n) - 1n;

const FACTS: HostFacts = {
  uid: 0,
  permitted: ALL,
  bounding: ALL,
  nofile: { soft: 1024n, hard: 4096n },
  clockWithoutSyscall: true,
  cgroupMounts: [
    { controllers: ["pids"], mountpoint: "/sys/fs/cgroup/pids" },
    { controllers: ["cpu", "cpuacct"], mountpoint: "/sys/fs/cgroup/cpu,cpuacct" },
  ],
  pureV2: false,
  unifiedFlags: [],
  pseudoMounts: ["/proc", "/sys"],
  rootMount: { path: "/", shared: true },
  apparmorFile: "attr/exec",
  selinux: true,
  kcore: true,
  inUserNamespace: false,
};

const TYPES: NamespaceType[] = [
  ...(["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const),
];

/** A host that is made up: nothing of a document is tried on this one. */
function madeUpInputs(spec: Spec): CreateInputs {
  const namespaces = Object.fromEntries(TYPES.map((type, index) => [type, 20 + index]));
  return {
    id: "c1",
    spec,
    cgroup: {
      v1: [{ controllers: ["pids"], path: "/sys/fs/cgroup/pids/c1" }],
      pureV2: false,
      pidsLevels: [
        {
          current: "/sys/fs/cgroup/pids/c1/pids.current",
          max: "/sys/fs/cgroup/pids/c1/pids.max",
        },
      ],
      lockPath: "/run/c1/join.lock",
    },
    facts: FACTS,
    fds: { namespaces, console: 30 },
    preserveFds: 0,
    rootfs: "/bundle/rootfs",
    bundle: "/bundle",
    execFifo: "/run/c1/exec.fifo",
    noPivot: false,
    noNewKeyring: false,
  };
}

/** Everything that `create` makes of a config.json before anything runs. Throws its refusals. */
export function planOfConfig(text: string, withSeccomp: boolean): void {
  const spec = checkSpec(parseObject(text, "config.json"));
  const inputs = madeUpInputs(spec);
  containerConfig({
    ...{ id: "c1", spec, bundle: "/bundle", noPivot: false, noNewKeyring: false, systemd: false },
    ...{ rootlessEuid: false, rootlessCgroups: false },
  });
  const profile = spec.linux?.seccomp;
  if (profile && withSeccomp) inputs.seccomp = seccompFilter(profile);
  inspect(compileCreate(inputs).plan, spec);
}

/** The same of an exec's process.json, in a container that has everything. */
export function planOfProcess(text: string): void {
  const process = parseObject(text, "process.json") as Process;
  checkProcess(process);
  const spec: Spec = { ociVersion: "1.2.0", root: { path: "rootfs" } };
  const { rootfs: _rootfs, bundle: _bundle, ...common } = madeUpInputs(spec);
  inspect(compileExec({ ...common, process, join: TYPES }).plan, spec);
}

function inspect(plan: Plan, spec: Spec): void {
  const found = escapes(plan, spec);
  if (found.length > 0) throw new Error(`the plan leaves the root: ${found.join("; ")}`);
  encodePlan(plan);
}

/** What is wrong with how a document was refused; undefined for a good refusal. */
export function badRefusal(error: unknown): string | undefined {
  if (!(error instanceof ChainError)) {
    return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : "no error";
  }
  if (error.outer.code !== "invalid_argument") return `code ${error.outer.code}: ${error.message}`;
  const named = error.frames.some(({ evidence }) =>
    evidence.some(({ kind, value }) => kind === "path" && value !== ""),
  );
  return named ? undefined : `no JSON path: ${error.message}`;
}
