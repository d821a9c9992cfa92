import { sweepSandboxes } from "../lib/sandbox.ts";
import { diagnose } from "./examine_row.ts";
import { FaultStack, type StackKind } from "./fault_stack.ts";
import { FAULT_ROWS } from "./rows.ts";

/** Only the healthy look-alikes, `rounds` times: a false alarm is a cause that is named there. */
export async function runLookAlikes(kinds: readonly StackKind[], rounds: number): Promise<number> {
  await sweepSandboxes();
  let alarms = 0;
  let looks = 0;
  for (const kind of kinds) {
    const stack = await FaultStack.start(kind);
    try {
      for (let round = 0; round < rounds; round++) {
        const rows = FAULT_ROWS.filter((row) => row.stacks.includes(kind) && !row.networked);
        for (const row of rows) {
          const patient = await row.lookAlike(stack);
          try {
            const { causeId, evidence, milliseconds } = await diagnose(stack, patient.container);
            looks++;
            if (causeId === (patient.expects ?? null)) continue;
            alarms++;
            const time = milliseconds.toFixed(0);
            console.log(`${kind} ${row.id}: named ${causeId}: ${evidence} (${time} ms)`);
          } finally {
            await patient.heal();
          }
        }
      }
    } finally {
      await stack.sandbox.close();
    }
  }
  console.log(`${looks} looks at healthy look-alikes, ${alarms} false alarms`);
  return alarms;
}
