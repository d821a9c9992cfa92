import type { CauseRule } from "./cause.ts";

export const keyringQuota: CauseRule = {
  id: "keyring-quota",
  title: "a user's quota of kernel keys is used up",
  link: "kernel",
  needs: ["host"],
  proves(facts) {
    const uid = facts.init?.uid ?? 0;
    const use = facts.host.keyUsage?.find((one) => one.uid === uid);
    if (!use || (use.keys < use.maxKeys && use.bytes < use.maxBytes - 64)) return undefined;
    return {
      confidence: "certain",
      sentence: `user ${uid} holds ${use.keys} of ${use.maxKeys} kernel keys`,
      evidence: [
        {
          kind: "rlimit",
          value: `${use.keys}/${use.maxKeys} keys, ${use.bytes}/${use.maxBytes} bytes`,
          ref: "/proc/key-users",
        },
      ],
      fix: [
        `sysctl -w kernel.keys.${uid === 0 ? "root_" : ""}maxkeys=${use.maxKeys * 4}`,
        `sysctl -w kernel.keys.${uid === 0 ? "root_" : ""}maxbytes=${use.maxBytes * 4}`,
      ],
      verify: ["cat /proc/key-users"],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    const use = facts.host.keyUsage?.find((one) => one.uid === (facts.init?.uid ?? 0));
    if (!use || use.keys >= use.maxKeys * 0.95) return undefined;
    return `${use.keys} of ${use.maxKeys} keys of uid ${use.uid}`;
  },
};
