import type { Facts } from "../facts.ts";
import type { CauseRule } from "./cause.ts";
import { downProof, listens } from "./down_proof.ts";
import { dockerCommand } from "./words.ts";

export const containerdDown: CauseRule = {
  id: "containerd-down",
  title: "containerd is not running",
  link: "containerd",
  needs: ["containerd"],
  proves(facts) {
    const down = downProof("containerd", facts.containerd);
    if (!down) return undefined;
    const survives = facts.init?.alive
      ? ["# the containers themselves still run; a restart of containerd finds their shims"]
      : [];
    return {
      ...down,
      fix: ["systemctl restart containerd", ...survives],
      verify: [`${dockerOrCtr(facts)}`],
      marks: { containerd: "fails" },
    };
  },
  refutes: (facts) => listens("containerd", facts.containerd),
};

function dockerOrCtr(facts: Facts): string {
  const socket = facts.containerd?.socket ?? "";
  return facts.docker ? `${dockerCommand(facts)} ps` : `ctr -a ${socket} version`;
}
