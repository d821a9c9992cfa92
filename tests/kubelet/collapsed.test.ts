import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { mustRun } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { podImages } from "./pod_images.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

const LIMIT_MS = 180_000;
const sandbox = new Sandbox();

afterAll(() => sandbox.close(), LIMIT_MS);

test(
  "catena daemon runs static pods by itself: every link in one process",
  async () => {
    const state = sandbox.path("all", "state");
    const manifests = sandbox.path("manifests");
    mkdirSync(manifests);
    const socket = join(state, "docker.sock");
    const flags = ["--manifests", manifests, "--kubelet-port", "0", "--bridge", "none"];
    const daemon = await Daemon.start(sandbox, {
      name: "catena-all",
      socket,
      env: { CATENA_STATE: state, PATH: process.env["PATH"] ?? "" },
      argv: [
        ...[binPath("catena"), "daemon", "--root", sandbox.path("all", "root"), "--state", state],
        ...[...flags, "--kubelet-cgroup-root", `/${sandbox.tag}`],
      ],
    });
    const docker = (...args: string[]) => mustRun(["docker", "-H", `unix://${socket}`, ...args]);
    await docker("load", "-i", await podImages(sandbox));
    const manifest = pod("here", { containers: [shell("app", STAY)] });
    writeFileSync(join(manifests, "here.json"), JSON.stringify(manifest));
    const names = () => docker("ps", "--format", "{{.Names}}");
    await waitUntil("the pod runs", async () => /k8s_app_here-/.test(await names()));
    const port = /kubelet serves.*address="127\.0\.0\.1:(\d+)"/.exec(daemon.log())?.[1];
    const reply = await fetch(`http://127.0.0.1:${port}/pods`);
    const pods = (await reply.json()) as { items: unknown[] };
    expect(pods.items).toHaveLength(1);
    rmSync(join(manifests, "here.json"));
    await waitUntil("the pod is gone", async () => !(await names()).includes("k8s_"));
  },
  LIMIT_MS,
);
