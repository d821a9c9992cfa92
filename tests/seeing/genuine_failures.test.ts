import { afterAll, describe, expect, test } from "bun:test";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { browserMissing, openBrowser, openPage } from "./browser.ts";

const LIMIT_MS = 360_000;
const missing =
  browserMissing() ??
  reasonToSkip(["genuine containerd", "genuine dockerd", "genuine runc", "docker cli"]);
const title = `failures of genuine stacks${missing === undefined ? "" : ` (skipped: ${missing})`}`;

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test(
    "execs and programs that fail under real Docker appear, with the doctor's cause",
    async () => {
      const containerd = await startGenuineContainerd(sandbox);
      const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
      const docker = new DockerClient(sandbox, dockerd.socket);
      await docker.importImage();
      const mortal = `mortal-${sandbox.tag}`;
      const waits = "while [ ! -e /tmp/end ]; do sleep 1; done; exit 42";
      await docker.runDetached({ name: mortal, command: ["sh", "-c", waits] });
      const held = `held-${sandbox.tag}`;
      await docker.runDetached({ name: held, command: ["sleep", "100000"] });
      const folders = ["--root", sandbox.path("root"), "--state", sandbox.path("state")];
      const argv = [binPath("catena"), "dashboard", ...folders, "--docker", dockerd.socket];
      const dashboard = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
      sandbox.onClose(async () => {
        dashboard.kill();
        await dashboard.exited;
      });
      const reader = dashboard.stdout.getReader();
      const url = new TextDecoder().decode((await reader.read()).value).trim();
      const { page, complaints } = await openPage(await openBrowser(sandbox), url);
      // Its stack is drawn: from then on it is followed.
      await page.getByRole("heading", { name: dockerd.socket }).waitFor();
      const failures = page.getByRole("region", { name: "Failures" });
      await docker.exec(mortal, { command: ["no-such-program"] });
      await failures.getByText(/no-such-program/).waitFor();
      await docker.exec(mortal, { command: ["touch", "/tmp/end"] });
      await failures.getByText(/mortal.*ended with exit code 42/).waitFor();
      await docker.docker(["pause", held]);
      await docker.exec(held, { command: ["true"] });
      const refused = failures.getByRole("listitem").filter({ hasText: "is paused" });
      await refused.first().getByRole("link").click();
      await page.getByText(/failed here/).waitFor();
      // A look waits for those before it, and on a loaded host each takes its time.
      const looked = async () => {
        await page.reload();
        await page.getByText(/failed here/).waitFor();
        return (await page.locator(".diagnosis", { hasText: "paused" }).count()) > 0;
      };
      await waitUntil("the doctor has looked at it", looked, LIMIT_MS / 2);
      expect(complaints).toEqual([]);
    },
    LIMIT_MS,
  );
});
