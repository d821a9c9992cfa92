import { mkdirSync, writeFileSync } from "node:fs";
import type { Operation } from "#wire/init-pipe/operation.ts";
import { encodePlan } from "#wire/init-pipe/plan_encode.ts";

/** A plan that is well-formed: from it the fuzzer finds its way to the others. */
const OPERATIONS: Operation[] = [
  { op: "protect", keep: 0 },
  { op: "open", slot: 0, path: "/run/x", flags: 0 },
  { op: "clone-child" },
  {
    op: "id-maps",
    uidMap: "0 1 1\n",
    gidMap: "0 1 1\n",
    denySetgroups: true,
    uidTool: "",
    gidTool: "",
  },
  { op: "cgroup-join", files: [1, 2, 3] },
  { op: "execve", args: ["sh", "-c", "true"], env: ["A=b"] },
];

/** Writes the seeds of init's decoder: eight bytes of reading order, then a plan. */
function main(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const plan = encodePlan({ operations: OPERATIONS, clockWithoutSyscall: true });
  writeFileSync(`${folder}/plan`, Buffer.concat([Buffer.from([0, 2, 0, 2, 5, 4, 6, 1]), plan]));
}

main(process.argv[2] ?? ".");
