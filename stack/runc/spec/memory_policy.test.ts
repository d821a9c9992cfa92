import { expect, test } from "bun:test";
import { memoryPolicyConfig, memoryPolicyOf } from "./memory_policy.ts";

test("a policy is kept as libcontainer keeps it, and found again", () => {
  const policy = { mode: "MPOL_BIND", nodes: "0-2,65", flags: ["MPOL_F_STATIC_NODES"] };
  const config = memoryPolicyConfig(policy);
  expect(config).toEqual({ mode: 2, flags: 1 << 15, nodes: [7, 2, ...Array(14).fill(0)] });
  expect(memoryPolicyOf(config)).toEqual({ ...policy, nodes: "0,1,2,65" });
});

test("a policy without nodes", () => {
  const config = memoryPolicyConfig({ mode: "MPOL_LOCAL" });
  expect(config).toEqual({ mode: 4, flags: 0 });
  expect(memoryPolicyOf(config)).toEqual({ mode: "MPOL_LOCAL", nodes: "", flags: [] });
});

test("a mode of a later release is left aside", () => {
  expect(memoryPolicyOf({ mode: 99 })).toBeUndefined();
});
