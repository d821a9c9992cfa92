import { describe, expect, test } from "bun:test";
import type { ExecFacts, Facts, ProgramFacts } from "./facts.ts";
import { healthyFacts, healthyProgram } from "./healthy_facts.ts";
import { judgeFacts } from "./judge.ts";
import { composeReport } from "./report/compose_report.ts";

/** The cause that is named for healthy evidence with one thing changed. */
function causeOf(change: (facts: Facts) => void): string | undefined {
  const facts = healthyFacts();
  change(facts);
  return judgeFacts(facts).proved[0]?.rule.id;
}

function exec(part: Partial<ExecFacts>): ExecFacts {
  return {
    id: "e1",
    timeMs: 0,
    argv: ["true"],
    user: "",
    tty: false,
    exitCode: 126,
    launched: false,
    running: false,
    ...part,
  };
}

function failedProgram(part: Partial<ProgramFacts>) {
  return (facts: Facts) => {
    facts.execs = [exec({ program: { ...healthyProgram(), ...part } })];
  };
}

/** What happens to a container that ended. */
function ended(facts: Facts, exitCode: number): void {
  facts.init = { ...facts.init!, alive: false };
  facts.shim = { ...facts.shim!, socketExists: false, listening: false, pids: [] };
  delete facts.shim.pid;
  delete facts.shim.bundle;
  facts.docker!.inspect = {
    ...facts.docker!.inspect!,
    running: false,
    status: "exited",
    exitCode,
    finishedAt: "2026-01-01T00:00:10.200Z",
  };
}

test("nothing is proved of a healthy container, and the usual suspects are ruled out by name", () => {
  const { proved, ruledOut } = judgeFacts(healthyFacts());
  expect(proved).toEqual([]);
  const ids = ruledOut.map((item) => item.id);
  for (const id of ["pids-cgroup-full", "threads-max", "shim-nofile", "memcg-oom-exec", "paused"]) {
    expect(ids).toContain(id);
  }
});

const BROKEN: [string, (facts: Facts) => void][] = [
  [
    "pids-cgroup-full",
    (f) => {
      f.cgroup!.pids[0]!.current = 100;
    },
  ],
  [
    "pids-cgroup-full",
    (f) => f.cgroup!.pids.push({ folder: "/sys/fs/cgroup/pids", current: 9, max: 9, refused: 1 }),
  ],
  [
    "pids-app-fork",
    (f) => {
      f.cgroup!.pids[0] = { folder: "/p", current: 30, max: 30, refused: 4 };
      f.execs = [exec({ launched: true, exitCode: 2, argv: ["sh", "-c", "ls; true"] })];
    },
  ],
  ["shim-pids-full", (f) => f.shim!.pids.push({ folder: "/s", current: 5, max: 5, refused: 1 })],
  [
    "threads-max",
    (f) => {
      f.host.threads = f.host.threadsMax!;
    },
  ],
  [
    "pid-max",
    (f) => {
      f.host.threads = f.host.pidMax!;
    },
  ],
  [
    "rlimit-nproc",
    (f) => {
      f.init = { ...f.init!, uid: 4321, limitExempt: false, processLimit: 2, userTasks: 2 };
    },
  ],
  [
    "shim-nofile",
    (f) => {
      f.shim!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "dockerd-nofile",
    (f) => {
      f.docker!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "containerd-nofile",
    (f) => {
      f.containerd!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "memcg-oom-exec",
    (f) => {
      f.cgroup!.memory[0] = { ...f.cgroup!.memory[0]!, oomKills: 1, pinnedBytes: 63e6 };
      f.execs = [exec({ launched: true, exitCode: 137 })];
    },
  ],
  [
    "memcg-oom-app",
    (f) => {
      ended(f, 137);
      f.docker!.inspect!.oomKilled = true;
    },
  ],
  [
    "paused",
    (f) => {
      f.cgroup!.frozen = true;
    },
  ],
  ["not-running", (f) => ended(f, 0)],
  [
    "shim-killed",
    (f) => {
      ended(f, 137);
      f.ends = [{ action: "die", timeMs: 0, attributes: { exitCode: "255" } }];
    },
  ],
  [
    "shim-hung",
    (f) => {
      f.shim!.state = "T";
    },
  ],
  [
    "containerd-hung",
    (f) => {
      f.containerd!.state = "T";
    },
  ],
  [
    "dockerd-hung",
    (f) => {
      f.docker!.state = "t";
    },
  ],
  ["containerd-down", (f) => down(f.containerd!)],
  ["dockerd-down", (f) => down(f.docker!)],
  [
    "state-missing",
    (f) => {
      f.runtime!.stateExists = false;
    },
  ],
  ["cgroup-gone", (f) => f.cgroup!.missing.push("/sys/fs/cgroup/pids/c")],
  [
    "proc-unmounted",
    (f) => {
      f.init!.procMounted = false;
    },
  ],
  [
    "ptmx-missing",
    (f) => {
      f.init!.ptmxExists = false;
    },
  ],
  [
    "runtime-missing",
    (f) => {
      f.runtime!.binaryExists = false;
    },
  ],
  [
    "runtime-dir-full",
    (f) => {
      f.shim!.temporary!.fill.blocksFree = 0;
    },
  ],
  [
    "runtime-dir-full",
    (f) => {
      f.shim!.temporary!.fill.inodesFree = 0;
    },
  ],
  [
    "bind-source-missing",
    (f) => {
      ended(f, 0);
      f.docker!.missingBinds = ["/srv/gone"];
    },
  ],
  [
    "health-timeout",
    (f) => {
      const inspect = f.docker!.inspect!;
      inspect.healthcheck = { test: ["CMD-SHELL", "sleep 9"], timeoutNs: 1e9 };
      inspect.healthLog = [{ exitCode: -1, output: "exceeded", start: "" }];
    },
  ],
  ["user-unknown", failedProgram({ userKnown: false, user: "nobody" })],
  ["cwd-missing", failedProgram({ cwd: "/no", cwdKind: "missing" })],
  ["bad-interpreter", failedProgram({ interpreter: { name: "/bin/no", exists: false } })],
  ["exec-format", failedProgram({ machine: { file: "arm64", host: "x86-64" } })],
  ["exec-not-executable", failedProgram({ found: { ...healthyProgram().found!, mode: 0o644 } })],
  [
    "exec-not-found",
    (f) => {
      const { found: _, ...program } = healthyProgram();
      f.execs = [exec({ program })];
    },
  ],
];

function down(daemon: NonNullable<Facts["containerd"]>): void {
  delete daemon.pid;
  delete daemon.state;
  daemon.listening = false;
  daemon.answer = { ok: false, latencyMs: 1, timedOut: false, error: "ECONNREFUSED" };
}

describe("each fault is named by its evidence", () => {
  test.each(BROKEN)("%s", (id, change) => {
    expect(causeOf(change)).toBe(id);
  });
});

describe("what only looks like a fault is not named", () => {
  test("a pids limit that is nearly full, without a refusal", () => {
    expect(
      causeOf((f) => {
        f.cgroup!.pids[0]!.current = 97;
      }),
    ).toBeUndefined();
  });

  test("an exec that ended with 127 of its own accord", () => {
    const failed = exec({ launched: true, exitCode: 127, program: healthyProgram() });
    expect(
      causeOf((f) => {
        f.execs = [failed];
      }),
    ).toBeUndefined();
  });

  test("an OOM kill of long ago, and an exec that somebody killed meanwhile elsewhere", () => {
    expect(
      causeOf((f) => {
        f.cgroup!.memory[0] = { ...f.cgroup!.memory[0]!, oomKills: 3 };
      }),
    ).toBeUndefined();
  });

  test("our own probe is nobody's exec", () => {
    const { found: _, ...program } = healthyProgram();
    const probe = exec({ argv: ["/bin/true", "catena-doctor-probe"], program });
    expect(
      causeOf((f) => {
        f.execs = [probe];
      }),
    ).toBeUndefined();
  });

  test("a container that was killed through Docker did not lose its shim", () => {
    const cause = causeOf((f) => {
      ended(f, 137);
      f.ends = [
        { action: "kill", timeMs: 0, attributes: { signal: "9" } },
        { action: "die", timeMs: 1, attributes: { exitCode: "137" } },
      ];
    });
    expect(cause).toBe("not-running");
  });
});

test("what fails without a proved cause is told as it is, never guessed", () => {
  const facts = healthyFacts();
  facts.probes = [
    {
      link: "runc",
      attempts: [{ ok: false, latencyMs: 5, timedOut: false, text: "something new" }],
      pidsRefused: 0,
      oomKills: 0,
      command: "runc exec c true",
    },
  ];
  const report = composeReport(facts, []);
  expect(report.cause).toBeNull();
  expect(report.healthy).toBe(false);
  expect(report.link).toBe("runc");
  expect(report.sentence).toContain("no known cause is proved");
  expect(report.ruledOut.length).toBeGreaterThan(10);
});

test("few pids left are a warning of what will fail next", () => {
  const facts = healthyFacts();
  facts.cgroup!.pids[0] = { folder: "/p", current: 27, max: 30, refused: 0 };
  const { cause, warnings } = composeReport(facts, []);
  expect(cause).toBeNull();
  expect(warnings[0]).toContain("27 of 30 pids: a genuine exec needs about 6");
});
