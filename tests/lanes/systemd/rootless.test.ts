import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxFolder } from "../../lib/busybox_image.ts";
import { type CommandResult, mustRun, runCommand } from "../../lib/command.ts";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { RUNTIMES } from "../v2/runtime_list.ts";
import { readKnob } from "../v2/v2_container.ts";

const USER = "catest";
const UID = 1234;
const MIB = 1 << 20;

/** Runs a command as the user, but where we are: outside of the user's systemd. */
function asStranger(...command: string[]): Promise<CommandResult> {
  const environment = [`XDG_RUNTIME_DIR=/run/user/${UID}`, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
  return runCommand(["runuser", "-u", USER, "--", "env", ...environment, ...command]);
}

/** Runs a command as a unit of the user's systemd, as rootless daemons are. */
function asUser(...command: string[]): Promise<CommandResult> {
  const flags = ["--user", "--pipe", "--wait", "--quiet", "--collect"];
  return asStranger("systemd-run", ...flags, "-p", "KillMode=process", ...command);
}

async function mustAsUser(...command: string[]): Promise<string> {
  const result = await asUser(...command);
  expect(result.stderr).toBe("");
  expect(result.code).toBe(0);
  return result.stdout;
}

for (const { name, binary, ours } of RUNTIMES.filter((one) => one.name !== "genuine crun")) {
  describe.skipIf(isElsewhere("systemd"))(
    laneTitle("systemd", `${name} --systemd-cgroup for a user who is not root`),
    () => {
      let sandbox: Sandbox;
      let bundle: string;
      const runc = (...args: string[]) => [
        ...[binary, "--systemd-cgroup", "--root", join(bundle, "states"), ...args],
      ];

      beforeAll(async () => {
        sandbox = new Sandbox();
        await runCommand(["useradd", "--uid", String(UID), "--create-home", USER]);
        await mustRun(["loginctl", "enable-linger", USER]);
        await waitUntil("the user has a bus", () => existsSync(`/run/user/${UID}/bus`));
        await mustRun(["chmod", "755", sandbox.folder]);
        await busyboxFolder(sandbox, "bundle", "rootfs");
        bundle = sandbox.path("bundle");
        await mustRun(["chown", "-R", USER, bundle]);
        await mustAsUser(binary, "spec", "--rootless", "--bundle", bundle);
        const path = join(bundle, "config.json");
        const config = JSON.parse(readFileSync(path, "utf8")) as RuntimeConfig;
        config.process["args"] = ["sleep", "1000"];
        config.process["terminal"] = false;
        config.linux["cgroupsPath"] = ":catest:user";
        config.linux["resources"] = { memory: { limit: 64 * MIB }, pids: { limit: 20 } };
        writeFileSync(path, JSON.stringify(config));
      });
      afterAll(async () => {
        await runCommand(["loginctl", "disable-linger", USER]);
        await sandbox?.close();
      });

      test("the container is a scope of the user's systemd, with its limits", async () => {
        // Away from our streams, which the container would keep open.
        const script = '"$@" >/dev/null 2>"$0" </dev/null || { cat "$0" >&2; exit 1; }';
        const command = runc("run", "-d", "-b", bundle, "user");
        await mustAsUser("sh", "-c", script, join(bundle, "log"), ...command);
        const { pid } = JSON.parse(await mustAsUser(...runc("state", "user")));
        const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().slice("0::".length);
        expect(cgroup).toBe(
          `/user.slice/user-${UID}.slice/user@${UID}.service/user.slice/catest-user.scope`,
        );
        expect(readKnob(`/sys/fs/cgroup${cgroup}`, "memory.max")).toBe(String(64 * MIB));
        expect(readKnob(`/sys/fs/cgroup${cgroup}`, "pids.max")).toBe("20");
        const exec = await asUser(...runc("exec", "user", "sh", "-c", "exit 42"));
        expect(exec.code).toBe(42);
        await mustAsUser(...runc("delete", "--force", "user"));
        expect(existsSync(`/sys/fs/cgroup${cgroup}`)).toBe(false);
      });

      if (ours)
        test("from outside of the user's systemd it says so, and what to do", async () => {
          const result = await asStranger(...runc("run", "-d", "-b", bundle, "outside"));
          expect(result.code).not.toBe(0);
          expect(result.stderr).toContain(`outside of /user.slice/user-${UID}.slice/`);
          expect(result.stderr).toContain("systemd-run --user --scope");
        });
    },
  );
}
