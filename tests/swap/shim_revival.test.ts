import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { type CommandResult, expectCode, mustRun } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { GENUINE, shimDisguised, startGenuineContainerd } from "../lib/genuine_stack.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { type ProcessEntry, processesOf, readProcess } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { CtrClient } from "./ctr_client.ts";

// A genuine containerd ends every container whose shim's connection ends. Our shim's connections
// outlive it: killed under a genuine containerd, it loses nothing and containerd notices nothing.

const LIMIT_MS = 300_000;
const UNTIL_TOLD = "while [ ! -e /stop ]; do sleep 0.1; done; exit 42";
const SHIM = /^\S*containerd-shim-catena-v2 .*-socket/;
const WARDEN = /^\S*catena-warden /;

const RUNTIMES = [
  {
    name: "our runtime",
    boxes: ["genuine containerd", "catena shim", "catena runc"],
    flags: () => ["--runtime", "io.containerd.catena.v2"],
    folders: () => [],
  },
  {
    name: "genuine runc",
    boxes: ["genuine containerd", "catena shim", "genuine runc"],
    flags: () => ["--runtime", "io.containerd.runc.v2", "--runc-binary", GENUINE.runc],
    folders: (sandbox: Sandbox) => [shimDisguised(sandbox)],
  },
] as const;

for (const { name, boxes, flags, folders } of RUNTIMES) {
  const reason = reasonToSkip([...boxes]);
  const title = `our shim is killed under genuine containerd, over ${name}`;
  describe(reason ? `${title} [skipped: ${reason}]` : title, () => {
    let sandbox: Sandbox;
    let containerd: Daemon;
    let client: CtrClient;
    let before: LeakSnapshot;
    let attached: Promise<CommandResult>;
    const step = (what: string, work: () => Promise<void>) =>
      test.skipIf(reason !== undefined)(what, work, LIMIT_MS);

    beforeAll(async () => {
      sandbox = new Sandbox();
      if (reason) return;
      containerd = await startGenuineContainerd(sandbox, folders(sandbox));
      client = new CtrClient(sandbox, containerd.socket, flags());
      await client.importImage();
    }, LIMIT_MS);
    afterAll(() => sandbox.close(), LIMIT_MS);

    const processes = (like: RegExp): ProcessEntry[] =>
      processesOf(sandbox.folder, sandbox.tag).filter(({ command }) => like.test(command));

    async function kill(like: RegExp): Promise<void> {
      const [found, ...others] = processes(like);
      expect(others).toEqual([]);
      process.kill(found!.pid, "SIGKILL");
      await waitUntil("another is there", () => {
        const now = processes(like);
        return now.length === 1 && now[0]!.pid !== found!.pid;
      });
    }

    step("what runs, what waits and what is attached before", async () => {
      // The first container makes folders that stay.
      expectCode(await client.runAttached({ name: "first", command: ["true"] }), 0);
      await client.runDetached({ name: "second", command: ["true"] });
      expect(await client.wait("second")).toBe(0);
      await client.remove("second");
      before = takeSnapshot(sandbox);
      await client.runDetached({ name: "one", command: ["sleep", "100000"] });
      await client.runDetached({ name: "ending", command: ["sh", "-c", UNTIL_TOLD] });
      attached = client.runAttached({ name: "held", command: ["sh", "-c", UNTIL_TOLD] });
      await waitUntil("it runs", async () => (await client.status("held")) === "running");
      expect(processes(SHIM)).toHaveLength(1);
      expect(processes(WARDEN)).toHaveLength(1);
    });

    step("an exec's streams and its exit code outlive the shim", async () => {
      const exec = Bun.spawn(client.execCommand("one", ["cat"]), { stdin: "pipe", stdout: "pipe" });
      const output = exec.stdout.getReader();
      const echo = async (text: string) => {
        exec.stdin.write(text);
        exec.stdin.flush();
        expect(new TextDecoder().decode((await output.read()).value)).toBe(text);
      };
      await echo("before\n");
      const pid = await client.initPid("one");
      await kill(SHIM);
      expect(await client.status("one")).toBe("running");
      expect(await client.initPid("one")).toBe(pid);
      await echo("after\n");
      exec.stdin.end();
      expect(await exec.exited).toBe(0);
    });

    step("an exit while no shim is there is told with its true code", async () => {
      const pid = await client.initPid("ending");
      const [shim] = processes(SHIM);
      // Stopped it can tell nothing; killed afterwards, all that it knew is gone.
      process.kill(shim!.pid, "SIGSTOP");
      process.kill(pid, "SIGTERM");
      await mustRun(["touch", `/proc/${pid}/root/stop`]);
      await waitUntil("its process has ended", () => readProcess(pid) === undefined);
      process.kill(shim!.pid, "SIGKILL");
      expect(await client.wait("ending")).toBe(42);
      expect(await client.status("one")).toBe("running");
    });

    step("a killed warden is replaced, and the shim may be killed again", async () => {
      await kill(WARDEN);
      await kill(SHIM);
      await kill(SHIM);
      expectCode(await client.exec("one", { command: ["sh", "-c", "exit 7"] }), 7);
    });

    step("who has waited all along is told the code", async () => {
      const pid = await client.initPid("held");
      await mustRun(["touch", `/proc/${pid}/root/stop`]);
      expectCode(await attached, 42);
    });

    step("new containers come to the same shim, and a restarted containerd finds it", async () => {
      const [shim] = processes(SHIM);
      expectCode(await client.runAttached({ name: "new", command: ["true"] }), 0);
      await containerd.kill();
      await kill(SHIM);
      await containerd.start();
      expect(await client.status("one")).toBe("running");
      expect(processes(SHIM)[0]!.pid).not.toBe(shim!.pid);
      await client.remove("one");
      await client.remove("ending");
    });

    step("nothing of them stays", async () => {
      // Ended politely, it is not started again. Left alone it would linger for another container.
      for (const { pid } of processes(SHIM)) process.kill(pid, "SIGTERM");
      await waitUntil("shim and warden have ended", () => {
        return processes(SHIM).length + processes(WARDEN).length === 0;
      });
      // Genuine containerd removes the snapshots of deleted containers when it comes to it.
      const leftOver = async () =>
        (await settledDifference(before, () => takeSnapshot(sandbox), 0)).filter((line) =>
          line.startsWith("left over"),
        );
      await waitUntil("all is as before", async () => (await leftOver()).length === 0).catch(
        async () => expect(await leftOver()).toEqual([]),
      );
    });
  });
}
