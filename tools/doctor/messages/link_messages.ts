import type { KnownMessage } from "./known_message.ts";

/** Messages about a link that is gone, silent or slow, and echoes of other failures. */
export const LINK_MESSAGES: readonly KnownMessage[] = [
  {
    pattern:
      /stream copy error: reading from a closed fifo|error attaching std(in|out|err) stream/i,
    meaning: "dockerd lost a stream: its process never started, or its client has left",
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
      "binary not installed|unknown or invalid runtime name|failed to resolve runtime path" +
        String.raw`|runtime error[^\n]*: (fork/)?exec[:/ ][^\n]*: ` +
        "(no such file or directory|executable file not found)",
      "i",
    ),
    meaning: "the runtime, or its shim, is not where the configuration says",
    links: ["shim", "containerd", "dockerd"],
    causes: [{ id: "runtime-missing", evidence: "stat of the executable that the text names" }],
  },
  {
    pattern: /shim disconnected/i,
    meaning: "a shim hung up: after its container's end that is usual, before it is not",
    links: ["containerd"],
    causes: [
      { id: "shim-killed", evidence: "no shim process; the die event's code against State" },
    ],
  },
  {
    pattern: /PLEG is not healthy|did not receive an exit event/i,
    meaning: "a question to the runtime about a container has had no answer for minutes",
    links: ["kubelet", "dockerd"],
    causes: [
      { id: "shim-hung", evidence: "State of /proc/SHIM/status; an exec at the runtime works" },
      { id: "containerd-hung", evidence: "State of /proc/CONTAINERD/status" },
      { id: "d-state", evidence: "processes in state D, their /proc/PID/stack" },
      { id: "slow-link", evidence: "the latency of an exec at each link" },
    ],
  },
  {
    pattern: /container runtime is down/i,
    meaning: "the kubelet gets no answer on its CRI socket",
    links: ["kubelet"],
    causes: [
      { id: "containerd-down", evidence: "the socket file has no listener in /proc/net/unix" },
      { id: "containerd-hung", evidence: "State of /proc/CONTAINERD/status" },
    ],
  },
  {
    pattern: /executing setns process caused/i,
    meaning: "runc's init died while it joined the container: an old runc's word for it",
    links: ["runc"],
    causes: [
      { id: "pids-cgroup-full", evidence: "pids.current against pids.max up the tree" },
      { id: "not-running", evidence: "the first process is gone" },
    ],
    era: "runc 1.0-rc2 to rc4 (Docker 17)",
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
    pattern:
      /context deadline exceeded|DeadlineExceeded|timed out|i\/o timeout|dial[^\n]*: timeout/i,
    meaning: "a caller gave up waiting; it does not say for whom",
    links: ["any"],
    causes: [
      { id: "shim-hung", evidence: "State of /proc/SHIM/status; an exec at the runtime works" },
      { id: "containerd-hung", evidence: "State of /proc/CONTAINERD/status" },
      { id: "slow-link", evidence: "the latency of an exec at each link" },
      { id: "d-state", evidence: "processes in state D, their /proc/PID/stack" },
      { id: "probe-pileup", evidence: "orphans of timed-out probes in the container's cgroup" },
      { id: "storage-hung", evidence: "a mount of the container whose server does not answer" },
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
    pattern: new RegExp(
      "is not running|no running task found|task [^ ]+ not found|is restarting, wait until" +
        "|cannot exec (in )?a (stopped|deleted) |cannot exec a container that has stopped" +
        "|container state improper",
      "i",
    ),
    meaning: "there is no process to exec in",
    links: ["dockerd", "containerd", "shim", "runc"],
    causes: [
      { id: "not-running", evidence: "State.ExitCode, and what ended it in Docker's events" },
      { id: "memcg-oom-app", evidence: "State.OOMKilled" },
      { id: "shim-killed", evidence: "the die event's code against State.ExitCode" },
    ],
  },
  {
    pattern: new RegExp(
      'container does not exist|container "[^"]*" does not exist' +
        "|error opening file `[^`]*/status`: no such file",
      "i",
    ),
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
