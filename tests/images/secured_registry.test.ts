import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerHost } from "./docker_host.ts";
import {
  PASSWORD,
  type RegistryServer,
  registryMissing,
  startRegistry,
  USER,
} from "./registry_server.ts";

// A registry with TLS by a CA of its own, and with passwords.

const LIMIT_MS = 300_000;
const reason =
  registryMissing() ??
  (existsSync("/usr/bin/openssl") ? undefined : "openssl is not there") ??
  reasonToSkip(["docker cli", "catena daemon"]);

describe.skipIf(reason !== undefined)(`secured registry${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  const other = new Sandbox();
  let registry: RegistryServer;
  let docker: DockerHost;
  let image: string;

  beforeAll(async () => {
    registry = await startRegistry(sandbox, "registry", true);
    const daemon = await startCatenaDaemon(sandbox, ["--registry-certs", registry.certsFolder!]);
    docker = new DockerHost(sandbox, "ours", daemon.socket);
    image = `${registry.host}/secured:1`;
    await docker.run("import", await busyboxTar(sandbox), image);
  }, LIMIT_MS);
  afterAll(async () => {
    await sandbox.close();
    await other.close();
  }, LIMIT_MS);

  const login = (password: string) =>
    docker.try(["login", "-u", USER, "--password-stdin", registry.host], { stdin: password });

  test(
    "without credentials nothing is given or taken",
    async () => {
      const pushed = await docker.try(["push", image]);
      expect(pushed.code).toBe(1);
      expect(pushed.stderr).toContain("denied: requested access to the resource is denied");
      const pulled = await docker.try(["pull", image]);
      expect(pulled.stderr).toContain("pull access denied for");
      expect(pulled.stderr).toContain("fix: log in to this registry");
    },
    LIMIT_MS,
  );

  test(
    "a wrong password is refused, the right one opens",
    async () => {
      const refused = await login("wrong");
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("unauthorized");
      expect((await login(PASSWORD)).stdout).toContain("Login Succeeded");
      const digest = await docker.digestOf("push", image);
      await docker.run("rmi", image);
      expect(await docker.digestOf("pull", image)).toBe(digest);
    },
    LIMIT_MS,
  );

  test(
    "a loopback registry needs no CA, unless one was put there for it",
    async () => {
      const empty = other.path("certs.d", "none");
      const daemon = await startCatenaDaemon(other, ["--registry-certs", empty]);
      const trusting = new DockerHost(other, "trusting", daemon.socket);
      const args = ["login", "-u", USER, "--password-stdin", registry.host];
      expect((await trusting.try(args, { stdin: PASSWORD })).code).toBe(0);
      expect(await trusting.digestOf("pull", image)).toStartWith("sha256:");
    },
    LIMIT_MS,
  );
});
