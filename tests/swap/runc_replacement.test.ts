import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { makeBundle } from "../lib/runtime_bundle.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { RuncClient } from "./runc_client.ts";

// A node's runtime is replaced under running containers: each manages what the other created.

const STEP_MS = 60_000;
const reason = reasonToSkip(["catena runc", "genuine runc"]);
const title = reason ? ` [skipped: ${reason}]` : "";

const PROFILE = {
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
};

type Side = "ours" | "genuine";

/** Both runtimes on one root, and a container that the old one created. */
interface Pair {
  sandbox: Sandbox;
  old: RuncClient;
  fresh: RuncClient;
  before: LeakSnapshot;
}

async function openPair(creator: Side, successor: Side): Promise<Pair> {
  const sandbox = new Sandbox();
  const old = RuncClient[creator](sandbox);
  const fresh = RuncClient[successor](sandbox);
  const bundle = await makeBundle(sandbox, "box", {
    args: ["sleep", "100000"],
    pidsLimit: 20,
    edit: (config) => {
      config.linux["seccomp"] = PROFILE;
      config["annotations"] = { "org.example.name": "a=b" };
    },
  });
  // The first container makes what stays: roots, parent cgroups.
  for (const runtime of [old, fresh]) {
    await runtime.mustDetach(["run", "-d", "-b", bundle, "first"]);
    await runtime.must(["exec", "first", "true"]);
    await runtime.must(["delete", "-f", "first"]);
    expect(await runtime.status("first")).toBeUndefined();
  }
  await waitUntil("the first are gone", () => takeSnapshot(sandbox).processes.length === 0);
  const before = takeSnapshot(sandbox);
  await old.mustDetach(["run", "-d", "-b", bundle, "box"]);
  return { sandbox, old, fresh, before };
}

function declareManaging(pair: () => Pair): void {
  test("state and list say the same", async () => {
    const { old, fresh } = pair();
    const strip = (text: string) => {
      const { ociVersion, created, ...rest } = JSON.parse(text);
      return { ...rest, created: Date.parse(created) };
    };
    expect(strip(await fresh.must(["state", "box"]))).toEqual(
      strip(await old.must(["state", "box"])),
    );
    expect(await fresh.must(["list", "-q"])).toBe("box\n");
  });

  test("exec runs inside, under its seccomp profile, with its exit code", async () => {
    const { fresh } = pair();
    const program = ["sh", "-c", "hostname; mkdir /dev/shm/x; exit 42"];
    const result = await fresh.call(["exec", "box", ...program]);
    expect(result.code).toBe(42);
    expect(result.stdout).toBe("catest\n");
    expect(result.stderr).toMatch(/not supported/i);
    expect(JSON.parse(await fresh.must(["ps", "-f", "json", "box"])).length).toBe(1);
  });

  test("update, pause and resume take effect, and the creator sees them", async () => {
    const { old, fresh } = pair();
    await fresh.must(["update", "--pids-limit", "33", "box"]);
    const { cgroup_paths: paths } = JSON.parse(readFileSync(`${old.root}/box/state.json`, "utf8"));
    const folder = paths.pids ?? paths[""];
    expect(readFileSync(`${folder}/pids.max`, "utf8")).toBe("33\n");
    await fresh.must(["pause", "box"]);
    expect(await old.status("box")).toBe("paused");
    await fresh.must(["resume", "box"]);
    expect(await old.status("box")).toBe("running");
  });
}

function declareEnding(pair: () => Pair): void {
  test(
    "kill, then delete, leaves nothing",
    async () => {
      const { sandbox, old, fresh, before } = pair();
      await fresh.must(["kill", "box", "KILL"]);
      await waitUntil("it stopped", async () => (await fresh.status("box")) === "stopped");
      expect(await old.status("box")).toBe("stopped");
      await fresh.must(["delete", "box"]);
      expect(await old.status("box")).toBeUndefined();
      expect(await settledDifference(before, () => takeSnapshot(sandbox))).toEqual([]);
    },
    STEP_MS,
  );

  test(
    "a created container is started by the other",
    async () => {
      const { sandbox, old, fresh, before } = pair();
      const bundle = sandbox.path("bundles", "box");
      await old.mustDetach(["create", "-b", bundle, "later"]);
      expect(await fresh.status("later")).toBe("created");
      await fresh.must(["start", "later"]);
      expect(await old.status("later")).toBe("running");
      await fresh.must(["delete", "-f", "later"]);
      expect(await settledDifference(before, () => takeSnapshot(sandbox))).toEqual([]);
    },
    STEP_MS,
  );
}

function describeReplacement(name: string, creator: Side, successor: Side): void {
  describe.skipIf(reason !== undefined)(`${name}${title}`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await openPair(creator, successor);
    }, STEP_MS);
    afterAll(() => pair?.sandbox.close(), STEP_MS);

    declareManaging(() => pair);
    declareEnding(() => pair);
  });
}

describeReplacement("our runc in the place of the genuine one", "genuine", "ours");
describeReplacement("the genuine runc in the place of ours", "ours", "genuine");
