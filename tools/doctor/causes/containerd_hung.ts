import type { CauseRule } from "./cause.ts";
import { answersOrRuns, hangProof, silentDaemon, wake } from "./hang_proof.ts";
import { execCommand, isCollapsed } from "./words.ts";

export const containerdHung: CauseRule = {
  id: "containerd-hung",
  title: "containerd is stopped or blocked",
  link: "containerd",
  needs: ["containerd"],
  proves(facts) {
    if (isCollapsed(facts)) return undefined;
    const daemon = facts.containerd;
    const hang = hangProof("containerd", daemon) ?? silentDaemon("containerd", daemon);
    if (!hang) return undefined;
    return {
      ...hang,
      fix: wake(daemon?.pid, daemon?.state, "systemctl restart containerd"),
      verify: [execCommand(facts)],
      marks: { containerd: "hangs" },
    };
  },
  refutes: (facts) => answersOrRuns("containerd", facts.containerd),
};
