import type { CauseRule } from "./cause.ts";

/** The kernel numbers memory cgroups with 16 bits; dying ones keep theirs. */
const MAX_IDS = 65_535;
const NEAR = 65_000;

export const cgroupIds: CauseRule = {
  id: "cgroup-ids",
  title: "the kernel has no memory cgroup ids left",
  link: "kernel",
  needs: ["host"],
  proves({ host }) {
    const { memoryCgroups } = host;
    if (memoryCgroups === undefined || memoryCgroups < NEAR) return undefined;
    return {
      confidence: "likely",
      sentence: `${memoryCgroups} memory cgroups exist, and the kernel has ${MAX_IDS} ids for them`,
      evidence: [{ kind: "path", value: `memory: ${memoryCgroups}`, ref: "/proc/cgroups" }],
      fix: [
        "echo 3 > /proc/sys/vm/drop_caches  # frees those that only cached pages keep",
        "# for good: a kernel that releases dying memory cgroups; else a reboot",
      ],
      verify: ["grep memory /proc/cgroups"],
      marks: { runc: "fails" },
    };
  },
  refutes({ host }) {
    const { memoryCgroups } = host;
    if (memoryCgroups === undefined || memoryCgroups >= NEAR) return undefined;
    return `${memoryCgroups} memory cgroups exist of at most ${MAX_IDS}`;
  },
};
