import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { GENUINE_STACK, OUR_DAEMON } from "../swap/chain_plans.ts";
import { type ChainPlan, ChainUnderTest } from "../swap/chain_under_test.ts";
import { DockerClient } from "../swap/docker_client.ts";

// A hundred containers that ran and a hundred that could not leave the machine as it was.

const LIMIT_MS = 900_000;
const COUNT = 100;
/** At a time, so that the daemon is also tried by containers that start while others end. */
const AT_ONCE = 4;

/** Ways of not starting: flags before the image, the command, and a word of the reason. */
const FAILURES: { flags: string[]; command: string[]; says: RegExp }[] = [
  { flags: [], command: ["/no/such/program"], says: /no such file|not found/ },
  { flags: [], command: ["/etc/passwd"], says: /permission denied/ },
  { flags: ["-u", "nobody-knows"], command: ["true"], says: /nobody-knows|user/ },
  { flags: ["-w", "/etc/passwd/x"], command: ["true"], says: /cwd|not a directory|workdir/i },
  { flags: ["--mount", "type=bind,src=/no/such,dst=/x"], command: ["true"], says: /\/no\/such/ },
];

// The genuine stack is the control: it shows that the ways of failing are what they claim to be.
for (const plan of [GENUINE_STACK, OUR_DAEMON]) describeLeaks(plan);

function describeLeaks(plan: ChainPlan): void {
  const reason = reasonToSkip(plan.boxes);
  describe(reason ? `${plan.name} [skipped: ${reason}]` : plan.name, () => {
    const chain = new ChainUnderTest(plan);
    if (!reason) {
      beforeAll(() => chain.open(), LIMIT_MS);
      afterAll(() => chain.close(), LIMIT_MS);
    }

    test.skipIf(reason !== undefined)(
      `after ${COUNT} runs`,
      async () => {
        await inParallel(async (index) => {
          const name = `run${index}`;
          const command = ["sh", "-c", `echo ${index}; exit ${index % 7}`];
          await chain.step(async (client) => {
            const result = await client.runAttached({ name, command });
            expect(result.stdout).toBe(`${index}\n`);
            expect(result.code).toBe(index % 7);
          });
        });
        await chain.expectNoLeak();
      },
      LIMIT_MS,
    );

    test.skipIf(reason !== undefined)(
      `after ${COUNT} runs that fail to start`,
      async () => {
        await inParallel(async (index) => {
          const { flags, command, says } = FAILURES[index % FAILURES.length]!;
          await chain.step(async (client) => {
            if (!(client instanceof DockerClient)) throw new TypeError("not the docker CLI");
            const options = { name: `failed${index}`, command };
            const result = await client.docker([
              "run",
              ...client.runArguments(options, ["--rm", ...flags]),
            ]);
            expect(result.code).toBeGreaterThanOrEqual(125);
            expect(result.stderr).toMatch(says);
          });
        });
        await chain.expectNoLeak();
      },
      LIMIT_MS,
    );
  });
}

async function inParallel(work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < COUNT) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
