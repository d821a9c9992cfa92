import { afterAll, beforeAll, describe, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { CONTAINER_CASES } from "./cases/container_cases.ts";
import { EXEC_CASES } from "./cases/exec_cases.ts";
import { IMAGE_CASES } from "./cases/image_cases.ts";
import { LOG_CASES } from "./cases/log_cases.ts";
import { SANDBOX_CASES } from "./cases/sandbox_cases.ts";
import { SECURITY_CASES } from "./cases/security_cases.ts";
import { STATS_CASES } from "./cases/stats_cases.ts";
import { STREAM_CASES } from "./cases/stream_cases.ts";
import { type CriPlan, type CriTarget, openTarget } from "./cri_target.ts";
import { networkMissing } from "./pod_network.ts";

/** One thing that a CRI must do, tried on each target alike. */
export interface CriCase {
  name: string;
  /** Asked of our own dockershim alone: the control does not have it. */
  oursOnly?: boolean;
  run(target: CriTarget): Promise<void>;
}

const LIMIT_MS = 180_000;
/** The wait for a place is part of it: on a busy machine that is the time of all cases before. */
const CASE_LIMIT_MS = 900_000;
/** Most cases wait for something: several at once take a third of the time. */
const AT_ONCE = 4;

const CASES: CriCase[] = [
  ...SANDBOX_CASES,
  ...CONTAINER_CASES,
  ...SECURITY_CASES,
  ...EXEC_CASES,
  ...LOG_CASES,
  ...STREAM_CASES,
  ...STATS_CASES,
  ...IMAGE_CASES,
];

/** Declares all cases for one way to have a CRI. */
export function describeConformance(plan: CriPlan): void {
  const reason = reasonToSkip(plan.boxes) ?? networkMissing();
  describe(reason ? `${plan.name} [skipped: ${reason}]` : plan.name, () => {
    const sandbox = reason ? undefined : new Sandbox();
    const places = new Places(AT_ONCE);
    let target: CriTarget;
    if (sandbox) {
      beforeAll(async () => {
        target = await openTarget(plan, sandbox);
      }, LIMIT_MS);
      afterAll(() => sandbox.close(), LIMIT_MS);
    }
    for (const one of CASES) {
      if (one.oursOnly && plan.kind === "control") continue;
      const declare = reason ? test.skip : test.concurrent;
      declare(one.name, () => places.run(() => one.run(target)), CASE_LIMIT_MS);
    }
  });
}

/** Lets so many run at once; the others wait in line. */
class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run(work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
