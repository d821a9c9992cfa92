import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { GENUINE_STACK, OUR_DAEMON } from "../swap/chain_plans.ts";
import { type ChainPlan, ChainUnderTest, SLEEP } from "../swap/chain_under_test.ts";
import { BAD_REQUESTS, type BadRequest, IMAGE, RUNNING, UNSTARTABLE } from "./api_requests.ts";
import { climbingTar } from "./bad_tars.ts";

// What a daemon refuses: with the right status, in words, and without a trace. The genuine one is
// asked the same, so that "right" is not our opinion.

const LIMIT_MS = 120_000;

for (const plan of [GENUINE_STACK, OUR_DAEMON]) describeDaemon(plan);

function describeDaemon(plan: ChainPlan): void {
  const reason = reasonToSkip(plan.boxes);
  describe(reason ? `${plan.name} [skipped: ${reason}]` : plan.name, () => {
    const chain = new ChainUnderTest(plan);
    let inventory: string;
    if (!reason) {
      beforeAll(async () => {
        await chain.open();
        await chain.step(async (client) => {
          await client.runDetached({ name: RUNNING, command: SLEEP });
          const body = { Image: IMAGE, Cmd: ["/no/such/program"] };
          await send(chain, { ...POST, path: `/containers/create?name=${UNSTARTABLE}`, body });
        });
        // Once unwatched: folders and buffers that are made for the first of a kind.
        for (const request of BAD_REQUESTS) await send(chain, request);
        inventory = await takeInventory(chain);
        await chain.remember();
      }, LIMIT_MS);
      afterAll(() => chain.close(), LIMIT_MS);
    }
    const check = (what: string, work: () => Promise<void>) =>
      test.skipIf(reason !== undefined)(what, () => chain.step(work), LIMIT_MS);

    for (const request of BAD_REQUESTS) {
      check(`refuses ${request.what}`, async () => {
        const old = plan === GENUINE_STACK ? (request.oldStatus ?? []) : [];
        await expectRefusal(await send(chain, request), [...request.status, ...old], request.says);
        expect(await takeInventory(chain)).toBe(inventory);
      });
    }

    for (const name of ["../../../../../../escaped", "/../escaped", "a/../../../escaped"]) {
      check(`keeps ${name} within the container it is copied into`, async () => {
        const path = `/containers/${RUNNING}/archive?path=/tmp`;
        await send(chain, { method: "PUT", path, body: climbingTar(name) });
        for (const folder of ["/", "/tmp/", `${chain.sandbox.folder}/`]) {
          expect(existsSync(`${folder}escaped`)).toBe(false);
        }
      });
    }

    check("goes on working and leaves nothing behind", async () => {
      await chain.step(async (client) => {
        expect((await client.exec(RUNNING, { command: ["true"] })).code).toBe(0);
      });
      // The genuine one keeps the pipes of archives that it could not unpack.
      if (plan !== GENUINE_STACK) await chain.expectNoLeak();
    });
  });
}

const POST = { method: "POST", status: [201], says: /./ };

interface Reply {
  status: number;
  text: string;
}

async function send(
  chain: ChainUnderTest,
  { method, path, body }: Pick<BadRequest, "method" | "path" | "body">,
): Promise<Reply> {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const archive = path.startsWith("/images") || path.includes("/archive");
  const reply = await fetch(`http://docker/v1.41${path}`, {
    method,
    redirect: "manual",
    unix: chain.daemons.at(-1)!.socket,
    headers: { "Content-Type": archive ? "application/x-tar" : "application/json" },
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(LIMIT_MS / 2),
  });
  return { status: reply.status, text: await reply.text() };
}

/** A stream that has begun with 200 tells the refusal in its last line. */
async function expectRefusal(
  { status, text }: Reply,
  statuses: number[],
  says: RegExp,
): Promise<void> {
  expect(statuses, text).toContain(status);
  const message = status === 200 ? text.match(/"error":"([^"]*)/)?.[1] : messageOf(text);
  expect(message ?? "", text).toMatch(says);
  expect(message ?? "").not.toMatch(/\n\s+at /);
}

function messageOf(text: string): string | undefined {
  return (JSON.parse(text) as { message?: string }).message;
}

interface Listed {
  Names?: string[];
  State?: string;
  RepoTags?: string[];
}

/** All that the requests could have changed: containers with their states, images, volumes. */
async function takeInventory(chain: ChainUnderTest): Promise<string> {
  const get = async (path: string) =>
    JSON.parse((await send(chain, { method: "GET", path })).text) as unknown;
  const containers = (await get("/containers/json?all=1")) as Listed[];
  const images = (await get("/images/json?all=1")) as Listed[];
  const volumes = (await get("/volumes")) as { Volumes?: unknown[] };
  return [
    ...containers.map(({ Names, State }) => `container ${Names?.join()} ${State}`),
    ...images.map(({ RepoTags }) => `image ${RepoTags?.join()}`),
    `${volumes.Volumes?.length ?? 0} volumes`,
  ]
    .sort()
    .join("; ");
}
