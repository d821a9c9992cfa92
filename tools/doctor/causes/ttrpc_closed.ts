import type { CauseRule } from "./cause.ts";
import { execCommand, lastExec } from "./words.ts";

const CLOSED = /ttrpc: closed/i;

/** The shim ended within a call, and another one, or none, is there since. */
export const ttrpcClosed: CauseRule = {
  id: "ttrpc-closed",
  title: "the shim ended while an exec was under way",
  link: "shim",
  needs: ["shim"],
  proves(facts) {
    const exec = lastExec(facts);
    const { pid, startedMs } = facts.shim ?? {};
    if (!exec?.logged || !CLOSED.test(exec.logged)) return undefined;
    const replaced = startedMs !== undefined && startedMs > exec.timeMs;
    if (pid !== undefined && !replaced) return undefined;
    const now = replaced ? `process ${pid} took its place` : "no shim is there now";
    return {
      confidence: "certain",
      sentence: `the shim ended within exec ${exec.argv.join(" ")}; ${now}`,
      evidence: [
        { kind: "log", value: exec.logged, ref: facts.docker?.log?.path ?? "dockerd's log" },
        {
          kind: "path",
          value: replaced
            ? `the shim started at ${new Date(startedMs).toISOString()}, after the exec`
            : "no shim process",
          ref: replaced ? `/proc/${pid}/stat` : (facts.shim?.socket ?? ""),
        },
      ],
      fix: [
        "# try it again; find what ends shims: journalctl -k | grep -i 'killed process'",
        "# and upgrade containerd: old shims crash",
      ],
      verify: [execCommand(facts)],
    };
  },
  refutes(facts) {
    const exec = lastExec(facts);
    if (!exec?.logged) return undefined;
    return CLOSED.test(exec.logged) ? undefined : "the last exec did not lose its shim";
  },
};
