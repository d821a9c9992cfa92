import { afterAll, describe, expect, test } from "bun:test";
import { childEnv } from "#lib/install/child_env.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { runCommand } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { GENUINE, startGenuineContainerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// What `ctr events` shows of the same commands on the genuine containerd with its shim and on ours
// with ours: the same topics in the same order, with the same ids, exit codes and streams.

const LIMIT_MS = 120_000;
const LAST = "/namespaces/delete";
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

const COMMANDS = [
  "run -d --null-io --runtime RUNTIME NAME one sh -c 'trap \"exit 42\" TERM; sleep 1000 & wait'",
  "tasks exec --exec-id e1 one sh -c 'exit 3'",
  "tasks exec --exec-id e2 one /no/such",
  "tasks pause one",
  "tasks resume one",
  "tasks kill -s TERM one",
  "tasks ls",
  "tasks rm -f one",
  "containers label one a=b",
  "containers rm one",
  "images tag NAME example.org/other:1",
  "images label NAME c=d",
  "images rm example.org/other:1",
  "namespaces create watched a=b",
  "namespaces label watched a=c",
  "namespaces rm watched",
];

describe(reason ? `events [skipped: ${reason}]` : "events", () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  async function eventsOf(daemon: Daemon, runtime: string): Promise<string[]> {
    const ctr = [GENUINE.ctr, "-a", daemon.socket, "-n", sandbox.tag];
    const archive = await busyboxImageArchive(sandbox);
    await runCommand([...ctr, "images", "import", archive]);
    const watcher = Bun.spawn([...ctr, "events"], {
      env: childEnv(),
      stdin: "ignore",
      stdout: Bun.file(sandbox.path(`events-${daemon.spec.name}`)),
      stderr: "ignore",
    });
    const seen = () => Bun.file(sandbox.path(`events-${daemon.spec.name}`)).text();
    // A subscription tells nothing of itself: something is made until it shows.
    await waitUntil("the events are watched", async () => {
      await runCommand([...ctr, "namespaces", "label", sandbox.tag, `at=${Date.now()}`]);
      return (await seen()) !== "";
    });
    for (const command of COMMANDS) {
      const line = command.replaceAll("NAME", IMAGE).replace("RUNTIME", runtime);
      await runCommand(["sh", "-c", `exec ${ctr.join(" ")} ${line}`]);
      // Shims tell their events in the background.
      await Bun.sleep(100);
    }
    await waitUntil("the last event is there", async () => (await seen()).includes(LAST));
    watcher.kill();
    const lines = (await seen()).split("\n").filter((line) => !line.includes('"at"'));
    return lines.flatMap(normal);
  }

  test.skipIf(reason !== undefined)(
    "of a container's life, of images and of namespaces",
    async () => {
      const genuine = await startGenuineContainerd(sandbox);
      const expected = await eventsOf(genuine, "io.containerd.runc.v2");
      expect(expected.length).toBeGreaterThan(15);
      const ours = await startCatenaContainerd(sandbox);
      expect(await eventsOf(ours, "io.containerd.catena.v2")).toEqual(expected);
    },
    LIMIT_MS,
  );
});

/** Topic and fields, without what differs from run to run: times, pids, keys of temporaries. */
function normal(line: string): string[] {
  const match = /(\/[a-z]+\/[a-z-]+) (\{.*\})$/.exec(line);
  if (!match) return [];
  const [, topic, json] = match;
  const fields = JSON.parse(json!) as Record<string, unknown>;
  for (const name of ["pid", "exited_at", "bundle", "rootfs"]) {
    if (name in fields) fields[name] = name;
  }
  // ctr gives options to the genuine runtime alone.
  if ("runtime" in fields) fields["runtime"] = "runtime";
  return [`${topic} ${JSON.stringify(fields, Object.keys(fields).sort())}`];
}
