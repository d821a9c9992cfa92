import type { CauseRule } from "./cause.ts";

/** A server of files that went away stops everybody who touches them, for good. */
export const storageHung: CauseRule = {
  id: "storage-hung",
  title: "a file system of the container does not answer",
  link: "mount",
  needs: ["silentMounts"],
  proves(facts) {
    const [first] = facts.silentMounts ?? [];
    if (!first) return undefined;
    const { point, type, source, used } = first;
    const stuck = facts.cgroup?.processes.filter((process) => process.state === "D") ?? [];
    const waits = stuck.length > 0 ? `; ${stuck.length} of its processes wait in D state` : "";
    return {
      confidence: "certain",
      sentence:
        `${used} of the container lies on ${point} (${type} of ${source}), ` +
        `which does not answer${waits}`,
      evidence: [
        { kind: "syscall", value: "stat did not return in time", ref: point },
        { kind: "path", value: `${type} ${source}`, ref: "/proc/self/mountinfo" },
        ...stuck.slice(0, 4).map(({ pid, comm }) => ({
          kind: "path" as const,
          value: `${comm} in state D`,
          ref: `/proc/${pid}/stack`,
        })),
      ],
      fix: [
        `# bring the server of ${source} back, or its daemon where it is a FUSE file system`,
        `umount -f -l ${point}  # gives it up: what waits for it gets an error`,
      ],
      verify: [`timeout 2 stat ${point}`],
      marks: { container: "hangs" },
    };
  },
  refutes({ silentMounts }) {
    return silentMounts?.length === 0 ? "every file system that it binds answers" : undefined;
  },
};
