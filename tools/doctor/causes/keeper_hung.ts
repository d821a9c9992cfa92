import type { CauseRule } from "./cause.ts";
import { hangProof, wake } from "./hang_proof.ts";
import { execCommand, isStopped } from "./words.ts";

/** Only our stack has keepers; without one no process of the container starts or is told to end. */
export const keeperHung: CauseRule = {
  id: "keeper-hung",
  title: "the container's keeper is stopped or blocked",
  link: "keeper",
  needs: ["keeper"],
  proves(facts) {
    const { keeper } = facts;
    if (!keeper) return undefined;
    const hang = hangProof("the keeper", {
      ...keeper,
      socketExists: true,
      listening: true,
      pids: [],
    });
    if (!hang) return undefined;
    return {
      ...hang,
      fix: wake(keeper.pid, keeper.state, `kill -KILL ${keeper.pid}  # ends the container too`),
      verify: [`grep State /proc/${keeper.pid}/status`, execCommand(facts)],
      marks: { shim: "hangs" },
    };
  },
  refutes({ keeper }) {
    if (!keeper || isStopped(keeper.state)) return undefined;
    return `the keeper, process ${keeper.pid}, is in state ${keeper.state}`;
  },
};
