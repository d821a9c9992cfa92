import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { podImages } from "../../kubelet/pod_images.ts";
import { pod, STAY, shell } from "../../kubelet/scenario_pods.ts";
import { runCommand } from "../../lib/command.ts";
import { Daemon } from "../../lib/daemon.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";

// A pod's cgroup tree where there is one hierarchy, and what reads its counters there.

const LIMIT_MS = 280_000;
const MEMORY = { text: "64Mi", bytes: 64 << 20, shown: "67.1MB" };

describe.skipIf(isElsewhere("v2"))(laneTitle("v2", "our kubelet and monitor"), () => {
  let sandbox: Sandbox;
  let docker: (...args: string[]) => Promise<string>;
  let manifest: string;
  let state: string;

  beforeAll(async () => {
    sandbox = new Sandbox();
    state = sandbox.path("all", "state");
    const manifests = sandbox.path("manifests");
    mkdirSync(manifests);
    manifest = join(manifests, "here.json");
    const socket = join(state, "docker.sock");
    await Daemon.start(sandbox, {
      name: "catena-all",
      socket,
      env: { CATENA_STATE: state, PATH: process.env["PATH"] ?? "" },
      argv: [
        ...[binPath("catena"), "daemon", "--root", sandbox.path("all", "root"), "--state", state],
        ...["--manifests", manifests, "--kubelet-port", "0", "--bridge", "none"],
        ...["--kubelet-cgroup-root", `/${sandbox.tag}`],
      ],
    });
    docker = async (...args) => {
      const { code, stdout, stderr } = await runCommand([
        "docker",
        "-H",
        `unix://${socket}`,
        ...args,
      ]);
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    await docker("load", "-i", await podImages(sandbox));
    const resources = { limits: { memory: MEMORY.text }, requests: { memory: MEMORY.text } };
    const containers = [shell("app", STAY, { resources })];
    writeFileSync(manifest, JSON.stringify(pod("here", { containers })));
    await waitUntil("the pod runs", async () => (await id()) !== "");
  }, LIMIT_MS);
  afterAll(() => sandbox?.close(), LIMIT_MS);

  const id = () => docker("ps", "-q", "--no-trunc", "--filter", "name=k8s_app_here");

  test("a static pod's container lies below kubepods, with its limit in the file", async () => {
    const pid = await docker("inspect", "--format", "{{.State.Pid}}", await id());
    const path = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace(/^0::/, "");
    expect(path).toMatch(new RegExp(`^/${sandbox.tag}/kubepods/burstable/pod[^/]+/[^/]+$`));
    const limit = readFileSync(`/sys/fs/cgroup${path}/memory.max`, "utf8").trim();
    expect(limit).toBe(String(MEMORY.bytes));
  });

  test("the monitor reads it from the one hierarchy", async () => {
    const top = await runCommand([binPath("catena"), "top", "--once", "--state", state]);
    expect(top.code).toBe(0);
    const row = top.stdout.split("\n").find((line) => line.startsWith("k8s_app_here"));
    expect(row).toContain(MEMORY.shown);
  });

  test(
    "nothing of the pod is left when its manifest goes",
    async () => {
      rmSync(manifest);
      await waitUntil("the pod is gone", async () => (await id()) === "");
    },
    LIMIT_MS,
  );
});
