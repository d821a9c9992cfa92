import { describe, expect, test } from "bun:test";
import { judgeFacts } from "#tools/doctor/judge.ts";
import { composeReport } from "#tools/doctor/report/compose_report.ts";
import {
  causeOf,
  endContainer,
  failedExec,
  healthyFacts,
  healthyProgram,
} from "./healthy_facts.ts";

test("a healthy container has no cause, and the usual suspects are ruled out", () => {
  const { proved, ruledOut } = judgeFacts(healthyFacts());
  expect(proved).toEqual([]);
  const ids = ruledOut.map((item) => item.id);
  for (const id of ["pids-cgroup-full", "threads-max", "shim-nofile", "memcg-oom-exec", "paused"]) {
    expect(ids).toContain(id);
  }
});

describe("what only looks like a fault is not named", () => {
  test("a pids limit that is nearly full, without a refusal", () => {
    expect(
      causeOf((f) => {
        f.cgroup!.pids[0]!.current = 97;
      }),
    ).toBeUndefined();
  });

  test("a paused container's first process, and what we may not read or ask", () => {
    const frozen = causeOf((f) => {
      f.init!.state = "T";
      f.cgroup!.frozen = true;
    });
    expect(frozen).toBe("paused");
    const hidden = causeOf((f) => {
      f.runtime = { ...f.runtime!, stateExists: false };
      delete f.runtime.stateFile;
      f.init = { ...f.init!, mountsSeen: false, procMounted: false, ptmxExists: false };
      f.docker!.answer = {
        ok: false,
        timedOut: false,
        denied: true,
        latencyMs: 1,
        error: "EACCES",
      };
      delete f.shim!.pid;
      delete f.shim!.socket;
    });
    expect(hidden).toBeUndefined();
  });

  test("a closed ttrpc connection under a shim that is the same as before", () => {
    const cause = causeOf((f) => {
      f.execs = [failedExec({ timeMs: 5000, logged: "ttrpc: closed: unknown" })];
      f.shim!.startedMs = 1000;
    });
    expect(cause).toBeUndefined();
  });

  test("a host without AppArmor, or without user namespaces that nobody needs", () => {
    const cause = causeOf((f) => {
      f.security = { apparmorProfile: "docker-default", maxUserNamespaces: 0 };
    });
    expect(cause).toBeUndefined();
  });

  test("an exec that ended with 127 of its own accord", () => {
    const failed = failedExec({ launched: true, exitCode: 127, program: healthyProgram() });
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
    const probe = failedExec({ argv: ["/bin/true", "catena-doctor-probe"], program });
    expect(
      causeOf((f) => {
        f.execs = [probe];
      }),
    ).toBeUndefined();
  });

  test("a container that was killed through Docker did not lose its shim", () => {
    const cause = causeOf((f) => {
      endContainer(f, 137);
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
      controlMs: 2,
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

function execsThatTake(runcMs: number[], dockerdMs: number[], controlMs: number) {
  const attempts = (all: number[]) =>
    all.map((latencyMs) => ({ ok: true, latencyMs, timedOut: false, text: "" }));
  const rest = { pidsRefused: 0, oomKills: 0, controlMs, command: "exec c true" };
  const facts = healthyFacts();
  facts.probes = [
    { link: "runc", attempts: attempts(runcMs), ...rest },
    { link: "dockerd", attempts: attempts(dockerdMs), ...rest },
  ];
  return composeReport(facts, []).cause?.id ?? null;
}

test("a slow host slows every link and its own control: that is no slow link", () => {
  expect(execsThatTake([30, 30, 30], [3100, 3100, 3100], 2)).toBe("slow-link");
  expect(execsThatTake([3030, 3030, 3030], [3100], 2)).toBe("slow-link");
  expect(execsThatTake([3030, 3500, 3100], [6200, 6400, 6300], 60)).toBeNull();
  // Once is chance.
  expect(execsThatTake([30, 30, 30], [3100, 90, 3100], 2)).toBeNull();
});
