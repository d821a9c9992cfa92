import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { mustRun, runCommand } from "../lib/command.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";

const LIMIT_MS = 240_000;

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});

test.skipIf(reason !== undefined)(
  `a bundle holds the evidence and none of the secrets that were planted${because}`,
  async () => {
    const { sandbox } = stack;
    const plant = (where: string) => `planted-${where}-7f3a`;
    const folder = sandbox.path(plant("mount"));
    mkdirSync(folder);
    writeFileSync(`${folder}/config.json`, `{"auths":{"r":{"auth":"${plant("registry")}"}}}`);
    writeFileSync(`${folder}/token`, plant("kube-token"));
    writeFileSync(`${folder}/daemon.json`, `{"http-proxy":"http://u:${plant("daemon")}@p"}`);
    const name = await stack.run(
      [
        ...["-e", `API_TOKEN=${plant("env")}`, "-e", `PLAIN=${plant("plain-env")}`],
        ...["-l", `password=${plant("label")}`],
        ...["-v", `${folder}/token:/var/run/secrets/kubernetes.io/serviceaccount/token:ro`],
      ],
      ["sh", "-c", `sleep 100000; echo --password ${plant("argument")}`],
    );
    const exec = ["exec", "-e", `X=${plant("exec-env")}`, name, "nothing-here"];
    await stack.docker(...exec, `--token=${plant("exec-argument")}`);
    await stack.docker("login", "-u", "joe", "-p", plant("login"), "127.0.0.1:1");
    const archive = sandbox.path("bundle.tar");
    const flags = ["--docker", stack.dockerSocket, "--containerd", stack.containerdSocket];
    const argv = [binPath("catena"), "doctor", "bundle", ...flags, archive, name];
    const { code, stderr } = await runCommand(argv, { timeoutMs: LIMIT_MS / 4 });
    expect({ code, stderr }).toMatchObject({ code: expect.any(Number) });
    const text = readFileSync(archive, "latin1");
    expect(text).toContain("reports.json");
    expect(text).toContain(name);
    // Its folder's name is told by nobody: a report names mounts only where one is at fault.
    expect([...text.matchAll(/planted-[a-z-]+-7f3a/g)].map(([found]) => found)).toEqual([]);
    await stack.remove(name);
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined).each(["dockerd", "containerd", "shim", "runc"])(
  `catena exec --via %s enters a container of the genuine stack${because}`,
  async (link) => {
    const name = await stack.run([]);
    const flags = ["--docker", stack.dockerSocket, "--containerd", stack.containerdSocket];
    const argv = [binPath("catena"), "exec", ...flags, "--via", link, name];
    expect(await mustRun([...argv, "sh", "-c", "echo by $0", link])).toBe(`by ${link}\n`);
    const failed = await runCommand([...argv, "sh", "-c", "echo wrong >&2; exit 7"]);
    expect([failed.code, failed.stderr]).toEqual([7, "wrong\n"]);
    const missing = await runCommand([...argv, "no-such-program"]);
    // Each link has its own code for it: runc 255, dockerd 126 or 127.
    expect([126, 127, 255]).toContain(missing.code);
    expect(missing.stdout + missing.stderr).toContain("executable file not found");
    await stack.remove(name);
  },
  LIMIT_MS,
);
