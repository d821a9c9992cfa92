import { expect, test } from "bun:test";
import type { ExecInputs } from "../spec/plan_inputs.ts";
import { ExecPlans } from "./exec_plans.ts";

function inputs(change: Partial<ExecInputs> = {}): ExecInputs {
  return {
    id: "c1",
    spec: { ociVersion: "1.2.0", linux: {} } as ExecInputs["spec"],
    cgroup: { v1: [], pureV2: true, unified: "/sys/fs/cgroup/c1", pidsLevels: [], lockPath: "/l" },
    facts: {
      uid: 0,
      permitted: 0n,
      bounding: 0n,
      clockWithoutSyscall: true,
      cgroupMounts: [],
      pureV2: true,
      unifiedFlags: [],
      pseudoMounts: [],
      selinux: false,
      kcore: true,
      inUserNamespace: false,
    },
    fds: { namespaces: { pid: 6, mount: 7 } },
    preserveFds: 0,
    process: { user: { uid: 5, gid: 6 }, args: ["id"], env: ["HOME=/"], cwd: "/w" },
    join: ["pid", "mount"],
    noNewKeyring: false,
    ...change,
  };
}

test("the same exec into the same state has its plan made once", () => {
  const plans = new ExecPlans();
  const first = plans.of("c1 1", inputs());
  expect(plans.of("c1 1", inputs())).toBe(first);
});

test("whatever an exec's plan is made of makes another plan", () => {
  const plans = new ExecPlans();
  const process = inputs().process;
  const seen = [
    plans.of("c1 1", inputs()),
    plans.of("c1 2", inputs()),
    plans.of("c2 1", inputs()),
    plans.of("c1 1", inputs({ process: { ...process, env: ["HOME=/", "A=1"] } })),
    plans.of("c1 1", inputs({ process: { ...process, user: { uid: 5, gid: 7 } } })),
    plans.of("c1 1", inputs({ fds: { namespaces: { pid: 7, mount: 6 } } })),
    plans.of("c1 1", inputs({ join: ["pid"] })),
    plans.of("c1 1", inputs({ preserveFds: 1 })),
    plans.of("c1 1", inputs({ noNewKeyring: true })),
    plans.of("c1 1", inputs({ initCgroup: "/sys/fs/cgroup/c1/nested" })),
  ];
  expect(new Set(seen).size).toBe(seen.length);
});

test("of many execs the latest are remembered", () => {
  const plans = new ExecPlans();
  const first = plans.of("c0 1", inputs());
  for (let count = 1; count <= 100; count++) plans.of(`c${count} 1`, inputs());
  const last = plans.of("c100 1", inputs());
  expect(plans.of("c100 1", inputs())).toBe(last);
  expect(plans.of("c0 1", inputs())).not.toBe(first);
});
