import { afterAll, describe, expect, test } from "bun:test";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { mustRun } from "../lib/command.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { CtrClient } from "../swap/ctr_client.ts";
import { DockerClient } from "../swap/docker_client.ts";

const LIMIT_MS = 120_000;
const missing = reasonToSkip([
  "genuine containerd",
  "genuine dockerd",
  "genuine runc",
  "docker cli",
  "catena daemon",
]);
const title = `genuine stacks${missing === undefined ? "" : ` (skipped: ${missing})`}`;

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test(
    "containers of real Docker and of real containerd are seen, by name and limit",
    async () => {
      const containerd = await startGenuineContainerd(sandbox);
      const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
      const docker = new DockerClient(sandbox, dockerd.socket);
      await docker.importImage();
      const name = `docker-${sandbox.tag}`;
      await docker.runDetached({ name, pidsLimit: 77, command: ["sleep", "100000"] });
      const ctr = new CtrClient(sandbox, containerd.socket);
      await ctr.importImage();
      await ctr.runDetached({ name: "by-ctr", command: ["sleep", "100000"] });
      const top = await mustRun([binPath("catena"), "top", "--once", "--docker", dockerd.socket]);
      const row = (of: string) => top.split("\n").find((line) => line.startsWith(of));
      // The name may be longer than its column.
      expect(row(name.slice(0, 24))).toMatch(/\b1 +77\b.*sleep 1/);
      expect(row("by-ctr")).toMatch(/\b1 +-.*sleep 1/);
    },
    LIMIT_MS,
  );
});
