import type { CauseRule } from "./cause.ts";
import { answersOrRuns, hangProof, silentDaemon, wake } from "./hang_proof.ts";
import { dockerCommand, isCollapsed } from "./words.ts";

export const dockerdHung: CauseRule = {
  id: "dockerd-hung",
  title: "dockerd is stopped or blocked",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const daemon = facts.docker;
    const hang = hangProof("dockerd", daemon) ?? silentDaemon("dockerd", daemon);
    if (!hang) return undefined;
    return {
      ...hang,
      fix: wake(daemon?.pid, daemon?.state, "systemctl restart docker"),
      verify: [`${dockerCommand(facts)} version`],
      marks: isCollapsed(facts) ? { dockerd: "hangs", containerd: "hangs" } : { dockerd: "hangs" },
    };
  },
  refutes: (facts) => answersOrRuns("dockerd", facts.docker),
};
