import { expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { runCommand } from "../lib/command.ts";
import { Random } from "../lib/random.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";
import { drawPair, examinePair } from "./random_pairs.ts";

const LIMIT_MS = 240_000;
/** Each silent daemon takes its whole time limit; a wedged component must not wedge the doctor. */
const DOCTOR_MS = 15_000;

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});

interface Report {
  healthy: boolean;
  sentence: string;
  cause: { id: string } | null;
  also: { id: string }[];
  chain: { link: string; mark: string }[];
}

async function diagnose(name: string): Promise<{ code: number; report: Report }> {
  const argv = [binPath("catena"), "doctor", "--json", "--docker", stack.dockerSocket];
  const flags = ["--containerd", stack.containerdSocket, name];
  const result = await runCommand([...argv, ...flags], { timeoutMs: DOCTOR_MS });
  expect(result.timedOut).toBe(false);
  const report = JSON.parse(result.stdout) as Report & { containers?: Report[] };
  return { code: result.code, report: report.containers?.[0] ?? report };
}

/** `npm run faults -- --pairs N --seed S` tries as many as one likes. */
const PAIRS = 10;
const SEED = 20_261_124;

test.skipIf(reason !== undefined)(
  `of two faults at once only true things are said, in time${because}`,
  async () => {
    const random = new Random(SEED);
    for (let at = 0; at < PAIRS; at++) {
      const pair = drawPair(random, "genuine");
      const what = pair.map(({ cause }) => cause).join(" and ");
      const { bad } = await examinePair(stack, pair);
      expect(`${what}: ${bad.join("; ")}`).toBe(`${what}: `);
    }
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `who answers nonsense is said to fail, without a guessed cause${because}`,
  async () => {
    const name = await stack.run([]);
    const socket = stack.sandbox.path("nonsense.sock");
    const server = Bun.listen({
      unix: socket,
      socket: { data: (peer) => void peer.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") },
    });
    try {
      for (const flags of [
        ["--docker", socket, "--containerd", stack.containerdSocket],
        ["--docker", stack.dockerSocket, "--containerd", socket],
      ]) {
        const id = await stack.inspect(name, "{{.Id}}");
        const result = await runCommand([binPath("catena"), "doctor", "--json", ...flags, id], {
          timeoutMs: DOCTOR_MS,
        });
        const report = JSON.parse(result.stdout) as Report;
        expect(report.cause).toBeNull();
        expect(result.code).toBe(2);
        const link = flags[1] === socket ? "dockerd" : "containerd";
        expect(report.chain.find((one) => one.link === link)?.mark).toBe("fails");
        expect(report.sentence).toContain(`${link} fails`);
        expect(report.sentence).toContain("these links work");
      }
    } finally {
      server.stop(true);
      await stack.remove(name);
    }
  },
  LIMIT_MS,
);

/** Mounts a FUSE file system whose server never says a word: whoever touches it waits. */
function mountSilent(folder: string): () => void {
  mkdirSync(folder);
  const device = openSync("/dev/fuse", "r+");
  mount("catest", folder, "fuse", 0, `fd=${device},rootmode=40000,user_id=0,group_id=0`);
  return () => {
    unmount(folder, UMOUNT.DETACH);
    // Ends the waiting of all who touched it.
    closeSync(device);
  };
}

const noFuse = reason ?? (existsSync("/dev/fuse") ? undefined : "no /dev/fuse");
const becauseNoFuse = noFuse === undefined ? "" : ` (skipped: ${noFuse})`;

test.skipIf(noFuse !== undefined)(
  `a file system that does not answer does not hold the doctor${becauseNoFuse}`,
  async () => {
    const well = await stack.run([]);
    const folder = stack.sandbox.path("silent");
    const unmountIt = mountSilent(folder);
    try {
      const bound = await stack.create(["-v", `${folder}/data:/data`]);
      const { code, report } = await diagnose(bound);
      expect(report.cause?.id).toBe("storage-hung");
      expect(report.sentence).toContain(`/data of the container lies on ${folder}`);
      expect(code).toBe(1);
      expect((await diagnose(well)).report.healthy).toBe(true);
    } finally {
      unmountIt();
    }
    await stack.remove(well);
  },
  LIMIT_MS,
);
