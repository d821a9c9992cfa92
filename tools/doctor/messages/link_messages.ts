import type { KnownMessage } from "./known_message.ts";

/** Messages about a link that is gone, silent or slow, and echoes of other failures. */
export const LINK_MESSAGES: readonly KnownMessage[] = [
  {
    pattern: /stream copy error: reading from a closed fifo/i,
    meaning: "dockerd lost the output of a process that never started",
    links: ["dockerd"],
    causes: [],
    echo: true,
  },
  {
    pattern: /log\.json.*: no such file or directory|unable to retrieve OCI runtime error/i,
    meaning: "the runtime ended before it wrote a log: the text after it tells more",
    links: ["shim"],
    causes: [
      { id: "runtime-missing", evidence: "stat of the runtime's executable" },
      { id: "shim-pids-full", evidence: "the shim's own pids cgroup, where the text says EAGAIN" },
    ],
    echo: true,
  },
  {
    pattern: new RegExp(
      String.raw`(dial unix|connect:?|connecting to)[^\n]*: ` +
        "(connection refused|no such file or directory)" +
        "|cannot connect to the docker daemon",
      "i",
    ),
    meaning: "nobody listens on a daemon's socket",
    links: ["dockerd", "containerd", "shim"],
    causes: [
      { id: "containerd-down", evidence: "the socket file has no listener in /proc/net/unix" },
      { id: "dockerd-down", evidence: "the same for Docker's socket" },
      { id: "shim-killed", evidence: "no process listens on the address in the bundle" },
    ],
  },
  {
    pattern: /ttrpc: closed/i,
    meaning: "the connection to the shim ended within a call",
    links: ["shim"],
    causes: [
      { id: "ttrpc-closed", evidence: "the shim's process is gone, or was replaced in the call" },
      { id: "shim-killed", evidence: "no shim process for the container" },
    ],
  },
  {
    pattern: /context deadline exceeded|DeadlineExceeded|timed out|i\/o timeout/i,
    meaning: "a caller gave up waiting; it does not say for whom",
    links: ["any"],
    causes: [
      { id: "shim-hung", evidence: "State of /proc/SHIM/status; an exec at the runtime works" },
      { id: "containerd-hung", evidence: "State of /proc/CONTAINERD/status" },
      { id: "slow-link", evidence: "the latency of an exec at each link" },
      { id: "d-state", evidence: "processes in state D, their /proc/PID/stack" },
      { id: "probe-pileup", evidence: "orphans of timed-out probes in the container's cgroup" },
    ],
  },
  {
    pattern: /health check exceeded timeout/i,
    meaning: "dockerd ended a health check that took too long",
    links: ["dockerd"],
    causes: [{ id: "health-timeout", evidence: "State.Health.Log with exit code -1" }],
  },
  {
    pattern: /container [^ ]* ?is paused|cannot exec in a paused container/i,
    meaning: "the container's cgroup is frozen",
    links: ["dockerd", "runc"],
    causes: [{ id: "paused", evidence: "State.Paused; freezer.state or cgroup.events" }],
  },
  {
    pattern: /is not running|no running task found|task [^ ]+ not found/i,
    meaning: "there is no process to exec in",
    links: ["dockerd", "containerd"],
    causes: [
      { id: "not-running", evidence: "State.ExitCode, and what ended it in Docker's events" },
      { id: "memcg-oom-app", evidence: "State.OOMKilled" },
      { id: "shim-killed", evidence: "the die event's code against State.ExitCode" },
    ],
  },
  {
    pattern: /container does not exist|container "[^"]*" does not exist/i,
    meaning: "the runtime has no state of this container under its root",
    links: ["runc"],
    causes: [
      { id: "state-missing", evidence: "state.json is gone while the first process lives" },
      { id: "not-running", evidence: "the first process is gone too" },
    ],
  },
  {
    pattern: new RegExp(
      String.raw`error adding pid \d* ?to cgroups|failed to write \d+.*cgroup\.procs` +
        "|cgroup.*no such file or directory",
      "i",
    ),
    meaning: "the cgroup that the runtime must join is not there",
    links: ["runc"],
    causes: [
      { id: "cgroup-gone", evidence: "/proc/INIT/cgroup against state.json's cgroup_paths" },
    ],
  },
  {
    pattern: /cannot start an already running container/i,
    meaning: "misleading: init ended before it was started",
    links: ["runc"],
    causes: [{ id: "seccomp-kill", evidence: "KILL actions in the profile for what init calls" }],
  },
];
