import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemonOn } from "../lib/catena_stack.ts";
import { describeResult, runCommand } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerClient } from "../swap/docker_client.ts";

// Debian's docker-compose brings up three services on two networks that find each other by name.

const LIMIT_MS = 120_000;
const reason = reasonToSkip([
  "docker cli",
  "docker-compose",
  "catena daemon",
  "catena shim",
  "cni plugins",
]);

const PAGE = "mkdir -p /w; echo data > /w/index.html; httpd -f -p 80 -h /w";
const ASK = (host: string) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${host} 80 | tail -1`;

/** `relay` stands between two networks; `probe` reaches `store` through nobody else. */
const PROJECT = (tag: string) => ({
  version: "3.7",
  services: {
    store: service(tag, `${PAGE}`, { back: { aliases: ["db"] } }),
    relay: {
      ...service(
        tag,
        `sleep 1; ${ASK("db")} > /page; mkdir /w; cp /page /w/index.html; httpd -f -h /w`,
        {
          back: {},
          front: {},
        },
      ),
      depends_on: ["store"],
      ports: ["8088:80"],
    },
    probe: {
      ...service(tag, `sleep 3; ${ASK("relay")}; nslookup store; echo done`, { front: {} }),
      depends_on: ["relay"],
    },
  },
  networks: { back: {}, front: {} },
});

function service(tag: string, script: string, networks: object) {
  return {
    image: "catest:latest",
    command: ["sh", "-c", script.replaceAll("$", "$$")],
    networks,
    cgroup_parent: `/${tag}`,
    stop_grace_period: "0s",
  };
}

describe(reason ? `docker-compose [skipped: ${reason}]` : "docker-compose", () => {
  let sandbox: Sandbox;
  let network: PrivateNetwork;
  let daemon: Daemon;

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    network = await PrivateNetwork.create(sandbox, "host");
    daemon = await startCatenaDaemonOn(sandbox, network);
    await new DockerClient(sandbox, daemon.socket).importImage();
    writeFileSync(
      sandbox.path("project", "docker-compose.yml"),
      JSON.stringify(PROJECT(sandbox.tag)),
    );
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  const compose = async (...args: string[]): Promise<string> => {
    const result = await runCommand(["docker-compose", "--no-ansi", ...args], {
      cwd: sandbox.path("project", "."),
      env: { DOCKER_HOST: `unix://${daemon.socket}`, HOME: sandbox.folder },
      timeoutMs: LIMIT_MS,
    });
    if (result.code !== 0) throw new Error(`${describeResult(result)}\n${daemon.logTail()}`);
    return result.stdout;
  };

  test.skipIf(reason !== undefined)(
    "three services find each other by name on the networks that they share",
    async () => {
      await compose("up", "-d");
      let log = "";
      await waitUntil("the probe is done", async () => {
        log = await compose("logs", "--no-color", "probe");
        return log.includes("done");
      });
      expect(log).toContain("data");
      expect(log).not.toMatch(/Name:\s+store/);
      const page = await network.run([
        "wget",
        "-t",
        "1",
        "-T",
        "3",
        "-qO-",
        "http://127.0.0.1:8088/",
      ]);
      expect(page.stdout).toBe("data\n");
      expect(await compose("ps")).toMatch(/relay_1 .*Up.*0\.0\.0\.0:8088->80\/tcp/);
      await compose("down");
      expect((await network.interfaces()).filter((name) => /^(br-|veth)/.test(name))).toEqual([]);
    },
    LIMIT_MS,
  );
});
