import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { type CatenaFolders, startCatenaDaemonOn } from "../lib/catena_stack.ts";
import { describeResult } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerClient } from "../swap/docker_client.ts";

// What containers on bridges reach, and that nothing of a network is left: after containers, after
// networks, and after a daemon that was killed in the middle of starting some. The daemon runs in a
// network namespace of the test's own.

const LIMIT_MS = 120_000;
const reason = reasonToSkip(["docker cli", "catena daemon", "catena shim", "cni plugins"]);
const HOST = "10.99.0.1";
const [NEAR, FAR] = ["10.88.0.1", "10.88.0.2"] as const;

/** Fetches a page within a container; Debian's static busybox has no wget that works. */
const fetch = (host: string, port: number) =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port} 2>&1 | tail -1`;

describe(reason ? `bridge networks [skipped: ${reason}]` : "bridge networks", () => {
  let sandbox: Sandbox;
  let network: PrivateNetwork;
  let daemon: Daemon & CatenaFolders;
  let client: DockerClient;

  const docker = async (...args: string[]): Promise<string> => {
    const result = await client.docker(args);
    if (result.code !== 0) throw new Error(`${describeResult(result)}\n${daemon.logTail()}`);
    return result.stdout.trim();
  };
  const run = (...args: string[]) =>
    docker(
      "run",
      "--cgroup-parent",
      `/${sandbox.tag}`,
      ...args.slice(0, -1),
      "sh",
      "-c",
      args.at(-1)!,
    );
  const inRun = (on: string, script: string) => run("--rm", "--network", on, "catest", script);

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    network = await PrivateNetwork.create(sandbox, "host");
    await network.run(["ip", "address", "add", `${HOST}/24`, "dev", "lo"]);
    daemon = await startCatenaDaemonOn(sandbox, network);
    client = new DockerClient(sandbox, daemon.socket);
    await client.importImage();
  };
  const close = async () => {
    if (reason) return;
    await sandbox.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "a published port is reached from everywhere that docker's is",
    async () => {
      await docker("network", "create", "--ipv6", "front");
      await docker("network", "create", "back");
      const serve = "mkdir /w; echo hello > /w/index.html; httpd -f -p 80 -h /w";
      await run("-d", "--name", "web", "--network", "front", "-p", "8080:80", "catest", serve);
      for (const address of ["127.0.0.1", "[::1]", HOST]) {
        const page = await waitUntilServed(network, `http://${address}:8080/`);
        expect(`${address} ${page}`).toBe(`${address} hello\n`);
      }
      expect(await docker("port", "web")).toBe("80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080");
      expect(await inRun("front", fetch("web", 80))).toBe("hello");
      expect(await docker("exec", "web", "sh", "-c", fetch(HOST, 8080))).toBe("hello");
      const address = await docker(
        "inspect",
        "-f",
        "{{.NetworkSettings.Networks.front.IPAddress}}",
        "web",
      );
      expect(await inRun("back", fetch(address, 80))).toContain("timed out");
      expect(await inRun("front", `ping -c 1 -W 1 ${HOST}`)).toContain(" 0% packet loss");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "another host reaches a published port, also where nothing else is forwarded",
    async () => {
      const outside = await PrivateNetwork.create(sandbox, "outside");
      await network.link(outside, NEAR, FAR);
      await network.run(["iptables", "-P", "FORWARD", "DROP"]);
      expect(await waitUntilServed(outside, `http://${NEAR}:8080/`)).toBe("hello\n");
      expect(await docker("exec", "web", "ping", "-c", "1", "-W", "2", FAR)).toContain(
        " 0% packet loss",
      );
      await network.run(["iptables", "-P", "FORWARD", "ACCEPT"]);
      await network.run(["ip", "link", "delete", "near"]);
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "names are found on the networks that two containers share, and nowhere else",
    async () => {
      const alias = ["--network-alias", "db"];
      await run("-d", "--name", "store", "--network", "back", ...alias, "catest", "sleep 1000");
      const found = await inRun("back", "nslookup store; nslookup db; nslookup store.back");
      expect(found.match(/Name:\s+(store|db|store\.back)\n/g)?.length).toBe(3);
      await docker("network", "connect", "--alias", "db6", "front", "store");
      expect(await inRun("front", "nslookup db6")).toMatch(/Address: fd[0-9a-f:]+/);
      expect(await docker("exec", "web", "nslookup", "store")).toContain("Name:\tstore");
      await docker("network", "disconnect", "back", "store");
      expect(await docker("exec", "store", "ip", "route")).toMatch(
        /default via 172\.[0-9.]+ dev eth1/,
      );
      await docker("rename", "store", "shop");
      expect(await docker("exec", "web", "nslookup", "shop")).toContain("Name:\tshop");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "a daemon that was killed finds ports and names again",
    async () => {
      await daemon.kill();
      await daemon.start();
      expect(await waitUntilServed(network, "http://[::1]:8080/")).toBe("hello\n");
      expect(await docker("exec", "web", "nslookup", "shop")).toContain("Name:\tshop");
      expect(await docker("exec", "shop", "sh", "-c", fetch("web", 80))).toBe("hello");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "nothing is left of containers that a killed daemon was starting",
    async () => {
      const starts = Array.from({ length: 4 }, (_, number) =>
        client.docker([
          "run",
          "-d",
          "--name",
          `k${number}`,
          "--network",
          "front",
          "-p",
          "80",
          "catest",
          "sleep",
          "1000",
        ]),
      );
      await Bun.sleep(300);
      await daemon.kill();
      await Promise.all(starts);
      await daemon.start();
      await docker("rm", "-f", ...(await docker("ps", "-aq")).split("\n"));
      expect(readdirSync(`${daemon.state}/netns`)).toEqual([]);
      expect((await network.interfaces()).filter((name) => name.startsWith("veth"))).toEqual([]);
      await docker("network", "prune", "-f");
      expect(await network.interfaces()).toEqual(["lo"]);
      expect(await network.rules()).toEqual([]);
      expect(readdirSync(`${daemon.state}/cni`)).toEqual([]);
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "system reset removes the networks of a daemon that was killed",
    async () => {
      await docker("network", "create", "last");
      await run("-d", "--network", "last", "-p", "81:81", "catest", "sleep 1000");
      await daemon.kill();
      const folders = ["--root", daemon.root, "--state", daemon.state];
      const reset = await network.run([binPath("catena"), "system", "reset", "-f", ...folders]);
      expect(describeResult(reset)).toContain("exit code 0");
      expect(await network.interfaces()).toEqual(["lo"]);
      expect(await network.rules()).toEqual([]);
    },
    LIMIT_MS,
  );
});

async function waitUntilServed(network: PrivateNetwork, url: string): Promise<string> {
  let page = "";
  await waitUntil(`${url} answers`, async () => {
    const result = await network.run(["wget", "-t", "1", "-T", "2", "-qO-", url], 5_000);
    page = result.stdout;
    return result.code === 0;
  });
  return page;
}
