import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";

// A root process that is started in somebody's folder must not run what lies there.

const STARTS: string[][] = [
  ["catena", "--help"],
  ["catena", "daemon", "--help"],
  ["catena", "no-such-command"],
  ["catena-runc", "--version"],
  ["catena-runc", "--root", "runc", "list"],
  ["catena-runc", "--root", "runc", "state", "no-such-container"],
  ["containerd-shim-catena-v2", "-v"],
  ["containerd-shim-catena-v2", "-namespace", "x", "-id", "x", "no-such-verb"],
];

describe("started in a hostile folder", () => {
  let sandbox: Sandbox;
  const proof = () => sandbox.path("proof");

  beforeAll(() => {
    sandbox = new Sandbox();
    const code = `require("node:fs").writeFileSync(${JSON.stringify(proof())}, "run");\n`;
    const files: Record<string, string> = {
      "bunfig.toml": 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n',
      "evil.js": code,
      ".env": `CATENA_STATE=${sandbox.folder}/evil\nBUN_INSPECT_PRELOAD=${sandbox.folder}/evil.js`,
      ".env.local": `NODE_OPTIONS=--require=${sandbox.folder}/evil.js\n`,
      "tsconfig.json": '{"compilerOptions":{"paths":{"#lib/*":["./evil.js"],"*":["./evil.js"]}}}',
      "package.json": '{"name":"evil","imports":{"#*":"./evil.js"},"main":"./evil.js"}',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(sandbox.path(name), text);
  });

  afterAll(() => sandbox.close());

  for (const [name, ...args] of STARTS) {
    test(`${name} ${args.join(" ")}`, async () => {
      const result = await runCommand([binPath(name!), ...args], { cwd: sandbox.folder });
      expect(result.timedOut).toBe(false);
      expect(existsSync(proof()), `${basename(name!)} ran code of the folder`).toBe(false);
      expect(existsSync(sandbox.path("evil")), "it took its state folder from .env").toBe(false);
    });
  }

  test("the folder is hostile indeed: Bun itself runs what lies there", async () => {
    writeFileSync(sandbox.path("harmless.js"), "");
    await runCommand([process.execPath, "harmless.js"], { cwd: sandbox.folder });
    expect(existsSync(proof())).toBe(true);
  });
});
