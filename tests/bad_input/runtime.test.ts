import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { type Box, reasonToSkip } from "../lib/box_probe.ts";
import { type CommandResult, describeResult, runCommand } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { type BundleOptions, makeBundle } from "../lib/runtime_bundle.ts";
import { Sandbox } from "../lib/sandbox.ts";

// What a runtime refuses: with an exit code other than 0, in words, and without a trace.

interface BadBundle {
  what: string;
  /** The configuration's change, or what stands in config.json instead of one. */
  edit: BundleOptions["edit"] | string;
  /** A word that the refusal must hold: what is wrong. */
  names: RegExp;
}

const BUNDLES: BadBundle[] = [
  { what: "an empty config.json", edit: "", names: /json|EOF|config/i },
  { what: "a config.json that is not JSON", edit: '{"ociVersion": "1.0.2", ', names: /json|EOF/i },
  { what: "a config.json that is a list", edit: "[]", names: /json|array|object/i },
  {
    what: "a number where a list belongs",
    edit: (config) => Object.assign(config.process, { args: 5 }),
    names: /args/,
  },
  {
    what: "no args",
    edit: (config) => Object.assign(config.process, { args: [] }),
    names: /args/,
  },
  {
    what: "a relative cwd",
    edit: (config) => Object.assign(config.process, { cwd: "tmp" }),
    names: /cwd/i,
  },
  {
    what: "a missing program",
    edit: (config) => Object.assign(config.process, { args: ["/no/such/program"] }),
    names: /\/no\/such\/program/,
  },
  {
    what: "a cwd that is a file",
    edit: (config) => Object.assign(config.process, { cwd: "/etc/passwd" }),
    names: /cwd|\/etc\/passwd/,
  },
  {
    what: "a missing root file system",
    edit: (config) => Object.assign(config, { root: { path: "nowhere" } }),
    names: /nowhere|root/,
  },
  {
    what: "an unknown kind of namespace",
    edit: (config) => Object.assign(config.linux, { namespaces: [{ type: "nonsense" }] }),
    names: /namespace/,
  },
  {
    what: "a bind mount of nothing",
    edit: (config) =>
      config.mounts.push({
        destination: "/x",
        type: "bind",
        source: "/no/such",
        options: ["bind"],
      }),
    names: /\/no\/such|\/x/,
  },
  {
    what: "an unknown resource limit",
    edit: (config) =>
      Object.assign(config.process, { rlimits: [{ type: "RLIMIT_WISHES", hard: 1, soft: 1 }] }),
    names: /RLIMIT_WISHES|rlimit/i,
  },
];

/** Names that no container can have: they would leave the folder of the containers. */
const IDS = ["a/b", "../a", "..", ".", "", "a\nb", "a\u0001b", "a b", "/etc"];

const RUNTIMES: { name: string; path: () => string; box: Box }[] = [
  { name: "runc", path: () => GENUINE.runc, box: "genuine runc" },
  { name: "catena-runc", path: () => binPath("catena-runc"), box: "catena runc" },
];

for (const { name, path, box } of RUNTIMES) {
  const reason = reasonToSkip([box]);
  describe(reason ? `${name} [skipped: ${reason}]` : name, () => {
    let sandbox: Sandbox;
    let before: LeakSnapshot;
    const root = () => sandbox.path("root");
    if (!reason) {
      beforeAll(async () => {
        sandbox = new Sandbox();
        await makeBundle(sandbox, "bad", { args: ["true"] });
        const good = await run("run", "--bundle", sandbox.path("bundles", "bad"), "good");
        if (good.code !== 0) throw new Error(describeResult(good));
        before = takeSnapshot(sandbox);
      });
      afterAll(() => sandbox.close());
    }
    const run = (...args: string[]) => runCommand([path(), "--root", root(), ...args]);
    const check = (what: string, work: () => Promise<void>) =>
      test.skipIf(reason !== undefined)(what, work);

    for (const { what, edit, names } of BUNDLES) {
      check(`refuses ${what}`, async () => {
        const bundle = await badBundle(sandbox, edit);
        expectRefusal(await run("run", "--bundle", bundle, "bad"), names);
        await expectNothing(sandbox, root(), before);
      });
    }

    for (const id of IDS) {
      check(`refuses the name ${JSON.stringify(id)}`, async () => {
        const bundle = await badBundle(sandbox, () => {});
        expectRefusal(await run("run", "--bundle", bundle, id), /id|name|format|empty/i);
        await expectNothing(sandbox, root(), before);
      });
    }

    check("refuses a bundle without config.json", async () => {
      const bundle = await badBundle(sandbox, () => {});
      rmSync(join(bundle, "config.json"));
      expectRefusal(await run("run", "--bundle", bundle, "bad"), /config\.json/);
      await expectNothing(sandbox, root(), before);
    });

    for (const verb of ["state", "start", "delete", "pause", "exec"]) {
      check(`${verb} of a container that is not there`, async () => {
        const more = verb === "exec" ? ["true"] : [];
        expectRefusal(await run(verb, "nobody", ...more), /does not exist/);
        await expectNothing(sandbox, root(), before);
      });
    }
  });
}

async function badBundle(sandbox: Sandbox, edit: BadBundle["edit"]): Promise<string> {
  rmSync(sandbox.path("bundles", "bad"), { recursive: true, force: true });
  if (typeof edit === "string") {
    const bundle = await makeBundle(sandbox, "bad", { args: ["true"] });
    writeFileSync(join(bundle, "config.json"), edit);
    return bundle;
  }
  return makeBundle(sandbox, "bad", { args: ["true"], ...(edit ? { edit } : {}) });
}

function expectRefusal(result: CommandResult, names: RegExp): void {
  if (result.code === 0 || result.timedOut) throw new Error(describeResult(result));
  expect(result.stdout).toBe("");
  expect(result.stderr).toMatch(names);
  // A refusal, not a crash.
  expect([1, 255]).toContain(result.code);
  expect(result.stderr).not.toMatch(/panic|at .*\(.*:\d+:\d+\)/);
}

async function expectNothing(sandbox: Sandbox, root: string, before: LeakSnapshot): Promise<void> {
  expect(readdirSync(root)).toEqual([]);
  expect(await settledDifference(before, () => takeSnapshot(sandbox))).toEqual([]);
}
