import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

const SLOW_MS = 2000;
const MIN_ZOMBIES = 10;

export const healthTimeout: CauseRule = {
  id: "health-timeout",
  title: "the health check does not end within its time",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    const last = inspect?.healthLog.at(-1);
    // -1 is Docker's mark for a check that it had to end; a check that fails has its own code.
    if (!inspect?.running || !last || last.exitCode !== -1 || !inspect.healthcheck)
      return undefined;
    const test = inspect.healthcheck.test.slice(1).join(" ");
    const seconds = (inspect.healthcheck.timeoutNs || 30e9) / 1e9;
    return {
      confidence: "certain",
      sentence: `the health check \`${test}\` did not end within ${seconds} s`,
      evidence: [
        { kind: "exit", value: `ExitCode -1 at ${last.start}`, ref: "State.Health.Log" },
        { kind: "log", value: last.output, ref: "State.Health.Log" },
      ],
      fix: [
        "# make the check end sooner (a time-out in the command itself), or raise --health-timeout",
      ],
      verify: [`time ${dockerCommand(facts)} exec ${nameOf(facts)} ${test}`],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect) return undefined;
    if (!inspect.healthcheck) return "it has no health check";
    const last = inspect.healthLog.at(-1);
    return last && last.exitCode >= 0 ? "its last health check ended in time" : undefined;
  },
};

export const slowLink: CauseRule = {
  id: "slow-link",
  title: "a link answers slowly: callers with a short limit give up",
  link: "any",
  needs: ["probes"],
  proves(facts) {
    let below = 0;
    for (const probe of facts.probes) {
      const times = probe.attempts.map((one) => one.latencyMs).sort((a, b) => a - b);
      const median = times[Math.floor(times.length / 2)];
      if (median === undefined || probe.attempts.some((one) => !one.ok)) return undefined;
      if (median - below >= SLOW_MS) {
        return {
          confidence: "certain",
          sentence: `${probe.link} takes ${(median - below).toFixed(0)} ms of its own for an exec`,
          evidence: [
            { kind: "trace", value: `${median.toFixed(0)} ms`, ref: probe.command },
            { kind: "trace", value: `${below.toFixed(0)} ms at the link below` },
          ],
          fix: ["# what it waits for: load (uptime), storage (iostat -x 1), its log"],
          verify: [`time ${probe.command}`],
        };
      }
      below = median;
    }
    return undefined;
  },
  refutes(facts) {
    if (facts.probes.length === 0) return undefined;
    const all = facts.probes.flatMap((probe) => probe.attempts.map((one) => one.latencyMs));
    const worst = Math.max(...all);
    return worst < SLOW_MS ? `no probe took longer than ${worst.toFixed(0)} ms` : undefined;
  },
};

export const zombies: CauseRule = {
  id: "zombies",
  title: "zombies fill the container: its first process does not reap",
  link: "app",
  needs: ["cgroup", "init"],
  proves(facts) {
    const dead = facts.cgroup?.processes.filter((process) => process.state === "Z") ?? [];
    const limit = facts.cgroup?.pids[0]?.max ?? Number.POSITIVE_INFINITY;
    const many = dead.length >= MIN_ZOMBIES && dead.length * 2 >= Math.min(limit, 64);
    if (!facts.init?.alive || !many) return undefined;
    const unreaped = dead.filter((process) => process.ppid === facts.init?.pid).length;
    return {
      confidence: unreaped * 2 >= dead.length ? "certain" : "likely",
      sentence: `${dead.length} zombies hold pids in the container; ${unreaped} wait for its first process`,
      evidence: [
        {
          kind: "path",
          value: `${dead.length} processes in state Z, PPid ${facts.init.pid}`,
          ref: `${facts.cgroup?.pids[0]?.folder ?? ""}/cgroup.procs`,
        },
      ],
      fix: ["# run it with --init (docker run --init), or let its first process call wait()"],
      verify: [`ps -o stat= --ppid ${facts.init.pid} | grep -c Z`],
    };
  },
  refutes(facts) {
    if (!facts.cgroup || facts.cgroup.processes.length === 0) return undefined;
    const dead = facts.cgroup.processes.filter((process) => process.state === "Z").length;
    return dead < MIN_ZOMBIES ? `${dead} zombies in the container` : undefined;
  },
};

export const dState: CauseRule = {
  id: "d-state",
  title: "processes of the container sleep where no signal reaches them",
  link: "kernel",
  needs: ["cgroup"],
  proves(facts) {
    const stuck = facts.cgroup?.processes.filter((process) => process.state === "D") ?? [];
    if (facts.cgroup?.frozen || stuck.length === 0) return undefined;
    // A short wait for a disk looks the same: only with a failed probe or a stuck init is it one.
    const hung = facts.probes.some((probe) => probe.attempts.some((one) => one.timedOut));
    const init = stuck.some((process) => process.pid === facts.init?.pid);
    if (!hung && !init) return undefined;
    const first = stuck[0]!;
    return {
      confidence: "likely",
      sentence: `${stuck.length} processes are in D state, process ${first.pid} (${first.comm}) first: storage or a driver does not answer`,
      evidence: stuck.slice(0, 8).map((process) => ({
        kind: "path" as const,
        value: `${process.comm} in state D`,
        ref: `/proc/${process.pid}/stack`,
      })),
      fix: [`cat /proc/${first.pid}/stack  # names the driver or file system`],
      verify: [`grep State /proc/${first.pid}/status`],
      marks: { container: "hangs" },
    };
  },
  refutes(facts) {
    if (!facts.cgroup || facts.cgroup.processes.length === 0) return undefined;
    return facts.cgroup.processes.every((process) => process.state !== "D")
      ? "no process of the container is in D state"
      : undefined;
  },
};

export const keyringQuota: CauseRule = {
  id: "keyring-quota",
  title: "a user's quota of kernel keys is used up",
  link: "kernel",
  needs: ["host"],
  proves(facts) {
    const uid = facts.init?.uid ?? 0;
    const use = facts.host.keyUsage?.find((one) => one.uid === uid);
    if (!use || (use.keys < use.maxKeys && use.bytes < use.maxBytes - 64)) return undefined;
    return {
      confidence: "certain",
      sentence: `user ${uid} holds ${use.keys} of ${use.maxKeys} keys: no container of it can start`,
      evidence: [
        {
          kind: "rlimit",
          value: `${use.keys}/${use.maxKeys} keys, ${use.bytes}/${use.maxBytes} bytes`,
          ref: "/proc/key-users",
        },
      ],
      fix: [
        `sysctl -w kernel.keys.${uid === 0 ? "root_" : ""}maxkeys=${use.maxKeys * 4}`,
        `sysctl -w kernel.keys.${uid === 0 ? "root_" : ""}maxbytes=${use.maxBytes * 4}`,
      ],
      verify: ["cat /proc/key-users"],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    const use = facts.host.keyUsage?.find((one) => one.uid === (facts.init?.uid ?? 0));
    if (!use || use.keys >= use.maxKeys * 0.95) return undefined;
    return `${use.keys} of ${use.maxKeys} keys of uid ${use.uid}`;
  },
};
