import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemonOn } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { forSeeds } from "../lib/random.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { anyRequest, type FuzzRequest } from "./fuzz_requests.ts";

// Every operation with wrong types, missing fields, huge and hostile values, made from the shapes
// of the API: no 500 without a cause, no crash, and what ran before runs on.

const LIMIT_MS = 120_000;
const ROUNDS = 800;
const REQUEST_MS = 10_000;
const reason = reasonToSkip(["docker cli", "catena daemon", "catena shim", "cni plugins"]);

describe(reason ? `hostile requests [skipped: ${reason}]` : "hostile requests", () => {
  let sandbox: Sandbox;
  let daemon: Daemon;
  let client: DockerClient;

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    daemon = await startCatenaDaemonOn(sandbox, await PrivateNetwork.create(sandbox, "host"));
    client = new DockerClient(sandbox, daemon.socket);
    await client.importImage();
    await client.docker(["network", "create", "front"]);
    await client.docker(["volume", "create", "kept"]);
    await client.runDetached({ name: "running", command: ["sleep", "1000"] });
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "each is answered, and no answer is the daemon's own fault",
    async () => {
      await forSeeds(ROUNDS, async (random) => {
        const request = anyRequest(random);
        const { status, text } = await send(daemon, request);
        const asked = `${request.method} ${request.path.slice(0, 300)}`;
        const shown = `${asked}\n${request.body?.slice(0, 500)}`;
        if (status >= 500 && status !== 501 && status !== 503) {
          throw new Error(`${shown}\n→ ${status} ${text.slice(0, 500)}`);
        }
      });
      expect(daemon.isAlive()).toBe(true);
      // A fault of ours, whatever was answered, is logged with its stack.
      expect(daemon.log()).not.toMatch(/\\n +at /);
      const { stdout } = await client.docker(["version", "-f", "{{.Server.Version}}"]);
      expect(stdout).toContain("catena");
    },
    LIMIT_MS,
  );
});

async function send(
  daemon: Daemon,
  request: FuzzRequest,
): Promise<{ status: number; text: string }> {
  try {
    const reply = await fetch(`http://docker${request.path}`, {
      method: request.method,
      redirect: "manual",
      unix: daemon.socket,
      headers: { "Content-Type": "application/json" },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    return { status: reply.status, text: await reply.text() };
  } catch (error) {
    // An attached exec has no end that the client does not make.
    if (error instanceof Error && error.name === "TimeoutError") return { status: 200, text: "" };
    throw new Error(`${request.method} ${request.path.slice(0, 300)}: ${String(error)}`);
  }
}
