import type { CauseRule } from "./cause.ts";
import { dockerCommand, lastExec, nameOf } from "./words.ts";

export const procUnmounted: CauseRule = {
  id: "proc-unmounted",
  title: "/proc is not mounted in the container",
  link: "container mounts",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    if (!init?.alive || init.state === "D" || init.procMounted) return undefined;
    return {
      confidence: "certain",
      sentence: "the container has no procfs on /proc any more, and a runtime needs it to exec",
      evidence: [{ kind: "path", value: "no proc on /proc", ref: `/proc/${init.pid}/mountinfo` }],
      fix: [
        `${dockerCommand(facts)} restart ${nameOf(facts)}`,
        `# or, without a restart: nsenter -t ${init.pid} -m -p mount -t proc proc /proc`,
        "# and take CAP_SYS_ADMIN from a container that unmounts its own /proc",
      ],
      verify: [`grep ' /proc ' /proc/${init.pid}/mountinfo`],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.procMounted ? `/proc/${init.pid}/mountinfo has proc on /proc` : undefined;
  },
};

export const ptmxMissing: CauseRule = {
  id: "ptmx-missing",
  title: "/dev/ptmx is missing in the container: no terminal can be opened",
  link: "container mounts",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    if (!init?.alive || init.state === "D" || !init.devptsMounted || init.ptmxExists) {
      return undefined;
    }
    return {
      confidence: "certain",
      sentence:
        "/dev/ptmx is gone from the container, so an exec with a terminal (-t) fails; one without works",
      evidence: [{ kind: "path", value: "missing", ref: `/proc/${init.pid}/root/dev/ptmx` }],
      fix: [
        `${dockerCommand(facts)} exec ${nameOf(facts)} ln -s pts/ptmx /dev/ptmx`,
        `# or: ${dockerCommand(facts)} restart ${nameOf(facts)}`,
      ],
      verify: [`${dockerCommand(facts)} exec -t ${nameOf(facts)} true`],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.ptmxExists ? "/dev/ptmx is there" : undefined;
  },
};

/** A write that a read-only rootfs refused. */
export const readOnlyFs: CauseRule = {
  id: "read-only-fs",
  title: "the container's file system is read-only",
  link: "mount",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    const exec = lastExec(facts);
    if (!init?.alive || !init.rootReadonly || !exec?.launched) return undefined;
    if (exec.exitCode === 0 || exec.exitCode === undefined) return undefined;
    if (facts.cgroup?.memory.some((level) => (level.oomKills ?? 0) > 0)) return undefined;
    const words = exec.argv
      .slice(1)
      .join(" ")
      .split(/[\s;&|<>"']+/);
    const path = words.find((word) => word.startsWith("/") && !writable(init.writable, word));
    if (path === undefined) return undefined;
    return {
      confidence: "likely",
      sentence: `${exec.argv.join(" ")} failed with ${exec.exitCode}; ${path} lies on a read-only mount`,
      evidence: [
        { kind: "path", value: "/ is mounted ro", ref: `/proc/${init.pid}/mountinfo` },
        { kind: "exit", value: `exec ${exec.argv.join(" ")}: exit code ${exec.exitCode}` },
      ],
      fix: [
        "# give it somewhere to write: --tmpfs /tmp, or a volume; or run it without --read-only",
      ],
      verify: [`grep ' / / ' /proc/${init.pid}/mountinfo`],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.alive && !init.rootReadonly ? "its rootfs is mounted rw" : undefined;
  },
};

function writable(points: string[], path: string): boolean {
  return points.some((point) => path === point || path.startsWith(`${point}/`));
}
