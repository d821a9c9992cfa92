import type { CauseRule } from "./cause.ts";
import { lastExec } from "./words.ts";

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
      sentence:
        `${exec.argv.join(" ")} failed with ${exec.exitCode}; ${path} ` +
        "lies on a read-only mount",
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
    return init?.alive && init.mountsSeen && !init.rootReadonly
      ? "its rootfs is mounted rw"
      : undefined;
  },
};

function writable(points: string[], path: string): boolean {
  return points.some((point) => path === point || path.startsWith(`${point}/`));
}
