import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { DockerClient } from "../../swap/docker_client.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";

const UNIT = "catest-catena.service";
const UNIT_PATH = `/run/systemd/system/${UNIT}`;
/** Runs until somebody puts a file into its root, then ends with 42. */
const UNTIL_TOLD = ["sh", "-c", "while [ ! -e /stop ]; do sleep 0.2; done; exit 42"];

/** As docs/lanes.md tells operators to write it. */
function unitText(sandbox: Sandbox): string {
  const flags = `--root ${sandbox.path("root")} --state ${sandbox.path("state")}`;
  return `[Unit]
Description=Catena
[Service]
Type=notify
ExecStart=${binPath("catena")} daemon ${flags}
KillMode=process
Restart=on-failure
RestartSec=100ms
`;
}

describe.skipIf(isElsewhere("systemd"))(
  laneTitle("systemd", "the whole stack as a systemd service"),
  () => {
    let sandbox: Sandbox;
    let client: DockerClient;

    beforeAll(async () => {
      sandbox = new Sandbox();
      writeFileSync(UNIT_PATH, unitText(sandbox));
      await mustRun(["systemctl", "daemon-reload"]);
      await mustRun(["systemctl", "start", UNIT]);
      client = new DockerClient(sandbox, sandbox.path("state", "docker.sock"));
      await client.importImage();
      await client.runDetached({ name: "stays", command: ["sleep", "100000"] });
    });
    afterAll(async () => {
      await runCommand(["systemctl", "kill", "--signal=KILL", UNIT]);
      await runCommand(["systemctl", "stop", UNIT]);
      rmSync(UNIT_PATH, { force: true });
      await sandbox?.close();
    });

    const mainPid = async () =>
      Number((await mustRun(["systemctl", "show", UNIT, "--property=MainPID"])).slice(8));
    const works = async () => {
      expect(await client.status("stays")).toBe("running");
      const result = await client.exec("stays", { command: ["sh", "-c", "exit 42"] });
      expect(result.code).toBe(42);
    };

    test("it says that it is ready when its socket answers", async () => {
      expect((await mustRun(["systemctl", "is-active", UNIT])).trim()).toBe("active");
      await works();
    });

    test("containers are not in its cgroup", async () => {
      const pid = await client.initPid("stays");
      expect(await Bun.file(`/proc/${pid}/cgroup`).text()).not.toContain(UNIT);
    });

    test("a restart leaves containers running", async () => {
      const pid = await client.initPid("stays");
      await mustRun(["systemctl", "restart", UNIT]);
      expect(await client.initPid("stays")).toBe(pid);
      await works();
    });

    test("what ends while it is stopped has its exit code afterwards", async () => {
      await client.runDetached({ name: "ends", command: UNTIL_TOLD });
      const pid = await client.initPid("ends");
      await mustRun(["systemctl", "stop", UNIT]);
      writeFileSync(`/proc/${pid}/root/stop`, "");
      await waitUntil("it has ended", () =>
        runCommand(["test", "!", "-e", `/proc/${pid}`]).then(({ code }) => code === 0),
      );
      await mustRun(["systemctl", "start", UNIT]);
      expect(await client.wait("ends")).toBe(42);
      await client.remove("ends");
      await works();
    });

    test("systemd restarts it when it is killed, and containers run on", async () => {
      const before = await mainPid();
      process.kill(before, "SIGKILL");
      await waitUntil("systemd restarted it", async () => {
        const active = await runCommand(["systemctl", "is-active", UNIT]);
        return active.stdout.trim() === "active" && (await mainPid()) !== before;
      });
      await works();
      await client.remove("stays");
    });
  },
);
