import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { BOTH_DOCKERDS, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemonOn } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { type DayClient, parseStep, takeStep } from "./day/day_step.ts";
import { DAY } from "./day/day_table.ts";

// A day with the docker CLI: each step is taken on the genuine dockerd and on ours at the same
// time, each in a network of its own. Texts, exit codes and whole documents are compared field by
// field; `day_rules.ts` holds all that may differ, with its reason.

const LIMIT_MS = 300_000;
const reason = reasonToSkip([...BOTH_DOCKERDS, "cni plugins"]);

describe(reason ? `a scripted day [skipped: ${reason}]` : "a scripted day", () => {
  let sandbox: Sandbox;
  let clients: [DayClient, DayClient];

  const client = async (name: string, daemon: Daemon): Promise<DayClient> => {
    await new DockerClient(sandbox, daemon.socket).importImage();
    const folder = sandbox.path("clients", name);
    mkdirSync(folder);
    const config = sandbox.path("clients", `${name}-config`);
    return {
      env: { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: config, TMPDIR: folder },
      folder,
    };
  };
  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    const network = await PrivateNetwork.create(sandbox, "genuine");
    const { socket } = await startGenuineContainerd(sandbox);
    const genuine = await startGenuineDockerd(sandbox, { containerd: socket, network });
    const own = await PrivateNetwork.create(sandbox, "ours");
    const ours = await startCatenaDaemonOn(sandbox, own);
    clients = [await client("genuine", genuine), await client("ours", ours)];
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  const words = (script: string) =>
    script.replaceAll("IMAGE", "catest:latest").replaceAll("/TAG", `/${sandbox.tag}`);

  for (const [chapter, lines] of Object.entries(DAY)) {
    test.skipIf(reason !== undefined)(
      chapter,
      async () => {
        const differences: string[] = [];
        for (const line of lines.trim().split("\n")) {
          const found = await takeStep(parseStep(line), clients, words);
          differences.push(...found.map((difference) => `${line.trim()}\n${difference}`));
        }
        expect(differences.join("\n\n")).toBe("");
      },
      LIMIT_MS,
    );
  }
});
