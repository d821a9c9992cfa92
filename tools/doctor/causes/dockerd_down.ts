import type { CauseRule } from "./cause.ts";
import { downProof, listens } from "./down_proof.ts";
import { dockerCommand } from "./words.ts";

export const dockerdDown: CauseRule = {
  id: "dockerd-down",
  title: "dockerd is not running",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const down = downProof("dockerd", facts.docker);
    if (!down) return undefined;
    return {
      ...down,
      fix: ["systemctl restart docker", "journalctl -u docker -n 50  # why it ended"],
      verify: [`${dockerCommand(facts)} version`],
      marks: { dockerd: "fails" },
    };
  },
  refutes: (facts) => listens("dockerd", facts.docker),
};
