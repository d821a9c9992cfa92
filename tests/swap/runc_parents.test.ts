import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { cgroupOfProcess, readCgroupNumber } from "../lib/cgroup_tree.ts";
import { expectCode, runCommand } from "../lib/command.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerClient } from "./docker_client.ts";

// What parents ask of our runtime beyond the scenario of every chain (chain_runtime.test.ts):
// limits changed while it runs, statistics, restarts, health checks, many containers at once; and
// podman.

const STEP_MS = 300_000;
const MANY = 50;
const MEGABYTE = 1024 * 1024;
const SLEEP = ["sleep", "100000"];
const PODMAN = "/usr/bin/podman";

const reason = reasonToSkip(["docker cli", "genuine dockerd", "genuine containerd", "catena runc"]);

describe.skipIf(reason !== undefined)(
  `below genuine dockerd${reason ? ` (${reason})` : ""}`,
  () => {
    const sandbox = new Sandbox();
    let client: DockerClient;

    beforeAll(async () => {
      const containerd = await startGenuineContainerd(sandbox);
      const dockerd = await startGenuineDockerd(sandbox, {
        containerd: containerd.socket,
        runtimes: { catena: binPath("catena-runc") },
      });
      client = new DockerClient(sandbox, dockerd.socket, "catena");
      await client.importImage();
    }, STEP_MS);
    afterAll(() => sandbox.close(), STEP_MS);

    const must = async (...args: string[]) => {
      const result = await client.docker(args);
      expectCode(result, 0);
      return result.stdout.trim();
    };
    const run = (name: string, flags: string[], command: string[]) =>
      must("run", ...client.runArguments({ name, command }, ["-d", ...flags]));

    test(
      "limits are changed while it runs, and the statistics are the cgroup's",
      async () => {
        await run("limits", ["--memory", "64m"], SLEEP);
        const cgroup = cgroupOfProcess(await client.initPid("limits"), "memory");
        expect(readCgroupNumber(cgroup, "memory.limit_in_bytes")).toBe(64 * MEGABYTE);
        await must("update", "--memory", "96m", "--memory-swap", "96m", "limits");
        expect(readCgroupNumber(cgroup, "memory.limit_in_bytes")).toBe(96 * MEGABYTE);
        const stats = await must(
          "stats",
          "--no-stream",
          "--format",
          "{{.MemUsage}} {{.PIDs}}",
          "limits",
        );
        expect(stats).toMatch(/ \/ 96MiB 1$/);
        await must("rm", "-f", "limits");
      },
      STEP_MS,
    );

    test(
      "a container is restarted, and one that fails is started again as often as was said",
      async () => {
        await run("again", [], SLEEP);
        const before = await client.initPid("again");
        await must("restart", "-t", "0", "again");
        expect(await client.initPid("again")).not.toBe(before);
        expect((await client.docker(["exec", "again", "true"])).code).toBe(0);
        await run("fails", ["--restart", "on-failure:2"], ["sh", "-c", "exit 4"]);
        const format = "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}";
        await waitUntil("it failed for good", async () => {
          return (await must("inspect", "-f", format, "fails")) === "exited 2 4" || undefined;
        });
        await must("rm", "-f", "again", "fails");
      },
      STEP_MS,
    );

    test(
      "health checks are execs: healthy, then not",
      async () => {
        const flags = ["--health-cmd", "test -e /well", "--health-interval", "1s"];
        await run(
          "health",
          [...flags, "--health-retries", "1"],
          ["sh", "-c", "touch /well; sleep 100000"],
        );
        const is = (word: string) =>
          waitUntil(`it is ${word}`, async () => {
            const health = await must("inspect", "-f", "{{.State.Health.Status}}", "health");
            return health === word || undefined;
          });
        await is("healthy");
        await must("exec", "health", "rm", "/well");
        await is("unhealthy");
        await must("rm", "-f", "health");
      },
      STEP_MS,
    );

    test(
      `${MANY} containers are started at once, and nothing is left of them`,
      async () => {
        const names = Array.from({ length: MANY }, (_, index) => `many-${index}`);
        await Promise.all(names.map((name) => run(name, [], SLEEP)));
        const running = await must("ps", "-q", "--filter", "name=many-");
        expect(running.split("\n")).toHaveLength(MANY);
        await must("rm", "-f", ...names);
        const states = sandbox.path("dockerd", "exec", "runtime-catena", "moby");
        expect(existsSync(states) ? readdirSync(states) : []).toEqual([]);
      },
      STEP_MS,
    );
  },
);

const isPodman = existsSync(PODMAN) && process.geteuid!() === 0;

describe.skipIf(!isPodman)("below podman", () => {
  const sandbox = new Sandbox();
  const podman = (...args: string[]) => {
    const folders = [
      "--root",
      sandbox.path("podman", "root"),
      "--runroot",
      sandbox.path("podman", "run"),
    ];
    const tmp = ["--tmpdir", sandbox.path("podman", "tmp"), "--events-backend", "file"];
    const how = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"];
    const runtime = ["--runtime", binPath("catena-runc")];
    return runCommand([PODMAN, ...folders, ...tmp, ...how, ...runtime, ...args]);
  };
  const must = async (...args: string[]) => {
    const result = await podman(...args);
    expectCode(result, 0);
    return result.stdout.trim();
  };
  // Root may lack CAP_SYS_RESOURCE, and podman asks for more than it has.
  const flags = [
    ...["--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4000:4000"],
    // Its monitor would make folders of a cgroup for hierarchies that the host has not.
    ...["--cgroup-parent", `/${sandbox.tag}`, "--cgroups", "no-conmon"],
  ];

  beforeAll(async () => {
    await must("import", await busyboxTar(sandbox), "catest:latest");
  }, STEP_MS);
  afterAll(async () => {
    await podman("unpause", "-a");
    await podman("rm", "-fa", "-t", "0");
    await sandbox.close();
  }, STEP_MS);

  test(
    "runs, execs, checks health, pauses, restarts, stops and removes",
    async () => {
      const once = await podman("run", "--rm", ...flags, "catest", "sh", "-c", "echo out; exit 3");
      expect({ code: once.code, stdout: once.stdout }).toEqual({ code: 3, stdout: "out\n" });
      const script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done";
      const health = ["--health-cmd", "true", "--health-interval", "disable"];
      await must("run", "-d", "--name", "one", ...health, ...flags, "catest", "sh", "-c", script);
      expect((await podman("exec", "one", "sh", "-c", "exit 7")).code).toBe(7);
      expect((await podman("exec", "one", "no-such-program")).code).toBe(127);
      await must("healthcheck", "run", "one");
      await must("pause", "one");
      expect(await must("inspect", "-f", "{{.State.Status}}", "one")).toBe("paused");
      await must("unpause", "one");
      await must("restart", "one");
      await waitUntil("it is ready again", async () => {
        return (await must("logs", "one")).split("ready").length === 3 || undefined;
      });
      await must("stop", "one");
      expect(await must("inspect", "-f", "{{.State.ExitCode}}", "one")).toBe("5");
      await must("rm", "one");
      expect(await must("ps", "-aq")).toBe("");
    },
    STEP_MS,
  );
});
