import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { binPath } from "#lib/install/install_paths.ts";
import { type Box, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaContainerd, startCatenaDockerd } from "../lib/catena_stack.ts";
import { expectCode } from "../lib/command.ts";
import {
  GENUINE,
  shimDisguised,
  startGenuineContainerd,
  startGenuineDockerd,
} from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { ChainUnderTest, SLEEP } from "./chain_under_test.ts";
import { DockerClient } from "./docker_client.ts";

// Every combination of our and genuine dockerd, containerd, shim and runc. Those that have the
// whole scenario in another file are left out here; the others run its core. One pair of daemons
// serves all runtimes of a shim.

const STEP_MS = 300_000;
const KINDS = ["genuine", "our"] as const;
type Kind = (typeof KINDS)[number];

interface Combination {
  dockerd: Kind;
  containerd: Kind;
  shim: Kind;
  runc: Kind;
}

/** Dockerd, containerd, shim, runc (g genuine, o ours), and where its whole scenario is. */
const ELSEWHERE: Record<string, string> = {
  gggg: "chain_control.test.ts",
  gggo: "chain_runtime.test.ts",
  gogg: "containerd_dockerd.test.ts",
  oggg: "chain_dockerd.test.ts",
  ogoo: "chain_dockerd.test.ts",
  oooo: "chain_ours.test.ts",
};
/** With ctr at the head all eight have theirs: chain_control, _runtime, _shim, _containerd. */
const COMBINATIONS: Combination[] = KINDS.flatMap((dockerd) =>
  KINDS.flatMap((containerd) =>
    KINDS.flatMap((shim) => KINDS.map((runc) => ({ dockerd, containerd, shim, runc }))),
  ),
).filter((one) => !(nameOf(one) in ELSEWHERE));

const RUNC: Record<Kind, string> = { genuine: GENUINE.runc, our: binPath("catena-runc") };
const BOXES: Record<keyof Combination, Record<Kind, Box>> = {
  dockerd: { genuine: "genuine dockerd", our: "catena dockerd" },
  containerd: { genuine: "genuine containerd", our: "catena containerd" },
  // Debian has the genuine shim in containerd's package.
  shim: { genuine: "genuine containerd", our: "catena shim" },
  runc: { genuine: "genuine runc", our: "catena runc" },
};

function nameOf({ dockerd, containerd, shim, runc }: Combination): string {
  return [dockerd, containerd, shim, runc].map((kind) => kind[0]).join("");
}

/** The daemons of some combinations that differ in the runtime only, and a client for each. */
async function startDaemons(sandbox: Sandbox, { dockerd, containerd, shim }: Combination) {
  const folders = shim === "our" ? [shimDisguised(sandbox)] : [];
  const below =
    containerd === "our"
      ? await startCatenaContainerd(sandbox, folders)
      : await startGenuineContainerd(sandbox, folders);
  const flags = KINDS.flatMap((kind) => ["--add-runtime", `${kind}=${RUNC[kind]}`]);
  const above =
    dockerd === "our"
      ? await startCatenaDockerd(sandbox, below.socket, flags)
      : await startGenuineDockerd(sandbox, { containerd: below.socket, runtimes: RUNC });
  const client = (runc: Kind) => new DockerClient(sandbox, above.socket, runc);
  return { daemons: [below, above], client };
}

async function expectCore(client: DockerClient): Promise<void> {
  const command = ["sh", "-c", "echo out; echo err >&2; exit 42"];
  const result = await client.runAttached({ name: "run", command });
  expectCode(result, 42);
  expect([result.stdout, result.stderr]).toEqual(["out\n", "err\n"]);
  expect(await client.status("run")).toBe("absent");
  await client.runDetached({ name: "host", command: SLEEP });
  const exec = await client.exec("host", { command: ["sh", "-c", "cat; exit 7"], stdin: "typed" });
  expectCode(exec, 7);
  expect(exec.stdout).toBe("typed");
  await client.kill("host", "SIGKILL");
  expect(await client.wait("host")).toBe(137);
  await client.remove("host");
  expect(await client.status("host")).toBe("absent");
}

const groups = Object.values(
  Object.groupBy(COMBINATIONS, ({ dockerd, containerd, shim }) => `${dockerd}${containerd}${shim}`),
);
for (const group of groups) {
  const first = group![0]!;
  const links = Object.keys(BOXES) as (keyof Combination)[];
  const boxes = group!.flatMap((one) => links.map((link) => BOXES[link][one[link]]));
  const reason = reasonToSkip(["docker cli", ...boxes]);
  const title = `${first.dockerd} dockerd, ${first.containerd} containerd, ${first.shim} shim`;
  describe(reason ? `${title} [skipped: ${reason}]` : title, () => {
    let client: (runc: Kind) => DockerClient;
    const chain = new ChainUnderTest({
      name: title,
      boxes,
      explainsLimits: false,
      async start(sandbox) {
        const started = await startDaemons(sandbox, first);
        client = started.client;
        return { client: client(first.runc), daemons: started.daemons };
      },
    });
    if (!reason) {
      beforeAll(() => chain.open(), STEP_MS);
      afterAll(() => chain.close(), STEP_MS);
    }
    for (const { runc } of group!) {
      test.skipIf(reason !== undefined)(
        `${runc} runc: runs, execs, kills, tells codes`,
        () => chain.step(() => expectCore(client(runc))),
        STEP_MS,
      );
    }
    test.skipIf(reason !== undefined)("leaves nothing behind", () => chain.expectNoLeak(), STEP_MS);
  });
}
