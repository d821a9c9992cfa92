import { describe, expect, test } from "bun:test";
import { ChainError } from "#lib/errors/chain_error.ts";
import { encodePlan } from "#wire/init-pipe/plan_encode.ts";
import { compileCreate } from "./create_compile.ts";
import { compileExec } from "./exec_compile.ts";
import type { CreateInputs, HostFacts } from "./plan_inputs.ts";
import { planText } from "./plan_text.ts";
import type { Spec } from "./spec_types.ts";

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
    { controllers: ["name=systemd"], mountpoint: "/sys/fs/cgroup/systemd" },
  ],
  pureV2: false,
  unifiedFlags: [],
  pseudoMounts: ["/proc", "/sys"],
  apparmorFile: "attr/exec",
  selinux: false,
  kcore: true,
  inUserNamespace: false,
};

function spec(edit?: (spec: Spec) => void): Spec {
  const out: Spec = {
    ociVersion: "1.2.0",
    process: { user: { uid: 0, gid: 0 }, args: ["sh"], env: ["PATH=/bin"], cwd: "/" },
    root: { path: "rootfs" },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
  };
  edit?.(out);
  return out;
}

function inputs(edit?: (spec: Spec) => void, change: Partial<CreateInputs> = {}): CreateInputs {
  return {
    id: "c1",
    spec: spec(edit),
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
    fds: { namespaces: {} },
    preserveFds: 0,
    rootfs: "/bundle/rootfs",
    bundle: "/bundle",
    execFifo: "/run/c1/exec.fifo",
    noPivot: false,
    noNewKeyring: false,
    ...change,
  };
}

/** The plan's lines without their numbers. */
function lines(edit?: (spec: Spec) => void, change: Partial<CreateInputs> = {}): string[] {
  const { plan } = compileCreate(inputs(edit, change));
  encodePlan(plan);
  return planText(plan)
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\s*\d+ {2}/, ""));
}

function refusal(edit: (spec: Spec) => void): string {
  try {
    compileCreate(inputs(edit));
  } catch (error) {
    if (error instanceof ChainError) return error.words;
    throw error;
  }
  throw new Error("the spec was accepted");
}

describe("a creation's plan", () => {
  test("of the plainest container, whole", () => {
    expect(planText(compileCreate(inputs()).plan)).toMatchSnapshot();
  });

  test("gives the kernel's order to credentials", () => {
    const plan = lines((s) => {
      s.process!.capabilities = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"] };
    });
    const order = ["stdio owner", "chdir / as root", "bounding set", "user", "capabilities"];
    const places = [...order, "chdir /", "find program", "hand over", "wait start", "execve"].map(
      (start) => plan.findIndex((line) => line === start || line.startsWith(`${start} `)),
    );
    expect(places.every((place) => place >= 0)).toBe(true);
    // "chdir /" finds the earlier of the two chdirs, which is the one as root.
    places[5] = plan.lastIndexOf("chdir /");
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test("loads seccomp before capabilities go, or last with no_new_privs", () => {
    const seccomp = { filter: new Uint8Array(16), flags: 0, listener: false };
    const early = lines(undefined, { seccomp });
    const at = (plan: string[], start: string) => plan.findIndex((line) => line.startsWith(start));
    expect(at(early, "seccomp")).toBeLessThan(at(early, "capabilities"));
    expect(at(early, "seccomp")).toBeGreaterThan(at(early, "user"));
    const late = lines(
      (s) => {
        s.process!.noNewPrivileges = true;
      },
      { seccomp },
    );
    expect(late.at(-2)).toBe("seccomp filter of 2 instructions");
    const listening = lines(
      (s) => {
        s.process!.noNewPrivileges = true;
      },
      { seccomp: { ...seccomp, listener: true } },
    );
    expect(at(listening, "seccomp")).toBeLessThan(at(listening, "hand over"));
  });

  test("makes the user namespace first, its maps by the parent, and binds devices", () => {
    const plan = lines((s) => {
      s.linux!.namespaces!.push({ type: "user" }, { type: "network" });
      s.linux!.uidMappings = [{ containerID: 0, hostID: 1000, size: 10 }];
      s.linux!.gidMappings = [{ containerID: 0, hostID: 1000, size: 10 }];
      s.mounts!.push({ destination: "/in", source: "/host", options: ["rbind"] });
    });
    const start = plan.indexOf("clone child");
    expect(plan.slice(start - 1, start + 5)).toEqual([
      "open tree slot 5 /host recursive",
      "clone child",
      "unshare user",
      "id maps 0 1000 10 0 1000 10  (by the parent)",
      "become root",
      "unshare mount, pid, network",
    ]);
    expect(plan).toContain("bind the host's /dev/null");
    expect(plan).toContain("bind recursively /host on /in rslave");
    expect(plan).toContain("rlimit RLIMIT_NOFILE 1024 4096  (by the parent, may fail)");
  });

  test("joins namespaces by path, the cgroup's last", () => {
    const plan = lines(
      (s) => {
        s.linux!.namespaces = [
          { type: "cgroup", path: "/ns/cgroup" },
          { type: "network", path: "/ns/net" },
          { type: "mount" },
        ];
      },
      { fds: { namespaces: { network: 6, cgroup: 7 } } },
    );
    const net = plan.indexOf("join network namespace (fd 6)");
    expect(net).toBe(plan.indexOf("clone child") + 1);
    const cgroup = plan.indexOf("join cgroup namespace (fd 7)");
    expect(cgroup).toBeGreaterThan(plan.findIndex((line) => line.startsWith("cgroup join")));
  });

  test("shows cgroups bound, or own ones with a cgroup namespace", () => {
    const mount = (s: Spec) =>
      s.mounts!.push({ destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] });
    expect(lines(mount).filter((line) => line.includes("cgroup") && / on /.test(line))).toEqual([
      "mount tmpfs on /sys/fs/cgroup with mode=755 +nosuid +nodev +noexec",
      "bind /sys/fs/cgroup/pids/c1 on /sys/fs/cgroup/pids +ro +nosuid +nodev +noexec",
      "bind /sys/fs/cgroup/cpu,cpuacct on /sys/fs/cgroup/cpu,cpuacct +ro +nosuid +nodev +noexec",
      "bind /sys/fs/cgroup/systemd on /sys/fs/cgroup/systemd +ro +nosuid +nodev +noexec",
    ]);
    const own = lines((s) => {
      mount(s);
      s.linux!.namespaces!.push({ type: "cgroup" });
    });
    expect(own).toContain(
      "mount cgroup on /sys/fs/cgroup/systemd with none,name=systemd +ro +nosuid +nodev +noexec",
    );
    expect(own).toContain("symlink cpu,cpuacct /sys/fs/cgroup/cpuacct");
  });

  test("mounts the unified hierarchy with the host's own options", () => {
    const unifiedFlags = ["nsdelegate", "memory_recursiveprot"];
    const mounts = lines(
      (s) => s.mounts!.push({ destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] }),
      { facts: { ...FACTS, pureV2: true, unifiedFlags } },
    ).filter((line) => line.startsWith("mount cgroup2"));
    expect(mounts).toHaveLength(1);
    expect(mounts[0]).toContain("nsdelegate,memory_recursiveprot");
  });

  test("does without pivot_root when told", () => {
    const plan = lines(undefined, { noPivot: true });
    expect(plan).not.toContain("pivot root");
    expect(plan.slice(plan.indexOf("uncover /proc"), plan.indexOf("move root") + 1)).toEqual([
      "uncover /proc",
      "uncover /sys",
      "move root",
    ]);
  });

  test("refuses what it could not perform", () => {
    expect(refusal((s) => s.linux!.namespaces!.push({ type: "pid" }))).toContain("duplicated ns");
    expect(refusal((s) => s.linux!.namespaces!.push({ type: "user" }))).toContain(
      "no uid mappings",
    );
    expect(refusal((s) => delete s.process)).toBe("process property must not be empty");
    expect(
      refusal((s) => {
        s.process!.rlimits = [{ type: "RLIMIT_NONE", soft: 1, hard: 1 }];
      }),
    ).toBe("wrong rlimit value: RLIMIT_NONE (process.rlimits[0].type)");
    expect(
      refusal((s) => {
        s.linux!.sysctl = { "kernel.pid_max": "9" };
      }),
    ).toBe(
      'sysctl "kernel.pid_max" is not in a separate kernel namespace (linux.sysctl.kernel.pid_max)',
    );
    expect(
      refusal((s) => {
        s.process!.env = ["NOVALUE"];
      }),
    ).toBe('invalid environment variable: "NOVALUE" (process.env[0])');
    expect(
      refusal((s) => {
        s.linux!.namespaces = [{ type: "pid" }];
        s.mounts = [];
        s.linux!.maskedPaths = ["/proc/kcore"];
      }),
    ).toContain("without a private MNT namespace");
  });
});

describe("an exec's plan", () => {
  const exec = (join: ("pid" | "mount" | "user" | "cgroup")[], pureV2 = false) => {
    const { id, facts, fds, preserveFds, cgroup } = inputs();
    const namespaces = { pid: 6, mount: 7, user: 8, cgroup: 9 };
    const process = { user: { uid: 5, gid: 6 }, args: ["id"], env: ["HOME=/"], cwd: "/w" };
    const unified = { ...cgroup, v1: [], unified: "/sys/fs/cgroup/c1", pureV2 };
    return planText(
      compileExec({
        id,
        facts,
        preserveFds,
        spec: spec(),
        process,
        join,
        noNewKeyring: false,
        cgroup: pureV2 ? unified : cgroup,
        fds: { ...fds, namespaces },
        ...(pureV2 ? { initCgroup: "/sys/fs/cgroup/c1/nested" } : {}),
      }).plan,
    );
  };

  test("whole, on v1", () => {
    expect(exec(["pid", "mount"])).toMatchSnapshot();
  });

  test("whole, on v2 with a user and a cgroup namespace", () => {
    expect(exec(["user", "pid", "mount", "cgroup"], true)).toMatchSnapshot();
  });
});
