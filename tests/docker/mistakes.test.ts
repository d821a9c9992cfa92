import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BOTH_DOCKERDS, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemonOn } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { ask, refusal } from "./mistakes/ask_engine.ts";
import { MISTAKES, SCENE } from "./mistakes/mistake_table.ts";

// The usual mistakes over the API, some two hundred: the genuine dockerd and ours must refuse each
// with the same status and the same words.

const LIMIT_MS = 300_000;
const reason = reasonToSkip([...BOTH_DOCKERDS, "cni plugins"]);

describe(reason ? `usual mistakes [skipped: ${reason}]` : "usual mistakes", () => {
  let sandbox: Sandbox;
  let daemons: [Daemon, Daemon];

  const request = (line: string) =>
    line
      .replace(
        /HOST (.*)$/,
        'POST /containers/create {"Image":"IMAGE","Cmd":["true"],"HostConfig":$1}',
      )
      .replace("PARENT", `"HostConfig":{"CgroupParent":"/${sandbox.tag}"}`)
      .replace("IMAGE", "catest:latest");

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    const network = await PrivateNetwork.create(sandbox, "genuine");
    const { socket } = await startGenuineContainerd(sandbox);
    daemons = [
      await startGenuineDockerd(sandbox, { containerd: socket, network }),
      await startCatenaDaemonOn(sandbox, await PrivateNetwork.create(sandbox, "ours")),
    ];
    for (const daemon of daemons) {
      await new DockerClient(sandbox, daemon.socket).importImage();
      for (const line of SCENE.trim().split("\n")) {
        const { status, body } = await ask(daemon.socket, request(line.trim()));
        expect(`${line.trim()} ${status < 300 || body}`).toBe(`${line.trim()} true`);
      }
    }
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "are refused with dockerd's status and words",
    async () => {
      const differences: string[] = [];
      for (const text of MISTAKES.trim().split("\n")) {
        const [, known, line = ""] = /^\s*(?:~(\d+) )?(.*)$/.exec(text) ?? [];
        const answers = daemons.map((daemon) => ask(daemon.socket, request(line)));
        const [theirs, ours] = await Promise.all(answers);
        const [left, right] = known
          ? [known, String(ours!.status)]
          : [refusal(theirs!), refusal(ours!)];
        if (left !== right) differences.push(`${line}\n  there: ${left}\n  ours:  ${right}`);
      }
      expect(differences.join("\n")).toBe("");
    },
    LIMIT_MS,
  );
});
