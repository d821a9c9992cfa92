import { expect } from "bun:test";
import { SecurityProfile_ProfileType } from "#gen/wire/cri/proto/security_pb.ts";
import type { CriCase } from "../conformance.ts";
import { type ContainerInit, withPod } from "../test_pod.ts";

type Context = NonNullable<NonNullable<ContainerInit["linux"]>["securityContext"]>;

/** Runs a script under a security context; expects this output. */
function prints(name: string, securityContext: Context, script: string, output: string): CriCase {
  return {
    name,
    run: (target) =>
      withPod(target, async (pod) => {
        const { stdout } = await pod.finish(script, { linux: { securityContext } });
        expect(stdout).toBe(output);
      }),
  };
}

const of = (field: string) => `awk '/^${field}:/ {print $2}' /proc/self/status`;

/** Who processes are and what they may do. */
export const SECURITY_CASES: CriCase[] = [
  prints(
    "user, group and further groups",
    { runAsUser: { value: 1234n }, runAsGroup: { value: 5678n }, supplementalGroups: [42n] },
    "id -u; id -g; id -G",
    "1234\n5678\n5678 42",
  ),
  prints("a user by name", { runAsUsername: "nobody" }, "id -u", "65534"),
  prints(
    "a root that cannot be written",
    { readonlyRootfs: true },
    "touch /x 2>/dev/null || echo refused",
    "refused",
  ),
  prints(
    "capabilities: dropped all, added one",
    { capabilities: { dropCapabilities: ["ALL"], addCapabilities: ["CHOWN"] } },
    of("CapEff"),
    "0000000000000001",
  ),
  prints("no new privileges", { noNewPrivs: true }, of("NoNewPrivs"), "1"),
  prints("without a seccomp profile nothing is filtered", {}, of("Seccomp"), "0"),
  prints(
    "the runtime's own seccomp profile",
    { seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault } },
    of("Seccomp"),
    "2",
  ),
  prints(
    "masked and read-only paths",
    { maskedPaths: ["/proc/uptime"], readonlyPaths: ["/proc/sys"] },
    "cat /proc/uptime; echo 1 2>/dev/null > /proc/sys/kernel/shm_rmid_forced || echo refused",
    "refused",
  ),
];
