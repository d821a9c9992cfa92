import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { mustRun, runCommand } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { writeContext } from "./build_context.ts";
import { DockerHost } from "./docker_host.ts";
import { serveGit } from "./git_server.ts";
import {
  PASSWORD,
  type RegistryServer,
  registryMissing,
  startRegistry,
  USER,
} from "./registry_server.ts";

// What of builds has no counterpart to compare with here, and catena's own commands.

const LIMIT_MS = 300_000;
const reason = registryMissing() ?? reasonToSkip(["docker cli", "catena daemon"]);

describe.skipIf(reason !== undefined)(`more builds${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  const context = sandbox.path("context");
  let docker: DockerHost;
  let state: string;
  let registry: RegistryServer;

  beforeAll(async () => {
    mkdirSync(context);
    await writeContext(context);
    registry = await startRegistry(sandbox, "registry", true);
    const daemon = await startCatenaDaemon(sandbox, ["--registry-certs", registry.certsFolder!]);
    state = daemon.state;
    docker = new DockerHost(sandbox, "ours", daemon.socket);
    await docker.run("import", await busyboxTar(sandbox), "base");
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  const write = (text: string) => writeFileSync(join(context, "Dockerfile"), text);
  const build = (...args: string[]) => docker.try(["build", "--network", "none", ...args, context]);
  const inside = (image: string, ...command: string[]) =>
    docker.run("run", "--rm", "--network", "none", image, ...command);

  test(
    "files and contexts by URL",
    async () => {
      const packed = sandbox.path("remote.tar");
      write("FROM base\nCOPY tree/a.txt /from-remote\n");
      await mustRun(["tar", "-cf", packed, "-C", context, "Dockerfile", "tree"]);
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch(request) {
          const { pathname } = new URL(request.url);
          if (pathname === "/context") return new Response(Bun.file(packed));
          if (pathname === "/dir/file.txt") return new Response("by url\n");
          if (pathname === "/plain") return new Response("FROM base\nENV REMOTE=1\n");
          return new Response("", { status: 404 });
        },
      });
      try {
        const base = `http://127.0.0.1:${server.port}`;
        await docker.run("build", "-q", "-t", "remote", `${base}/context`);
        expect(await inside("remote", "cat", "/from-remote")).toBe("a");
        write(`FROM base\nADD ${base}/dir/file.txt /there/\nADD ${base}/dir/file.txt /as\n`);
        expect((await build("-t", "added")).code).toBe(0);
        expect(await inside("added", "cat", "/there/file.txt", "/as")).toBe("by url\nby url");
        expect(await inside("added", "stat", "-c", "%a %u", "/as")).toBe("600 0");
        write(`FROM base\nADD ${base}/none /x\n`);
        expect((await build()).stderr).toContain("ADD failed");
      } finally {
        await server.stop(true);
      }
    },
    LIMIT_MS,
  );

  test(
    "a git repository as the context",
    async () => {
      const repository = sandbox.path("git", "repo");
      mkdirSync(join(repository, "sub"), { recursive: true });
      const git = (...args: string[]) =>
        mustRun(["git", "-c", "user.name=x", "-c", "user.email=x@y", ...args], { cwd: repository });
      await git("init", "-q", "-b", "trunk");
      writeFileSync(join(repository, "Dockerfile"), "FROM base\nCOPY sub/f /f\n");
      writeFileSync(join(repository, "sub/f"), "first\n");
      writeFileSync(join(repository, "sub/Dockerfile"), "FROM base\nCOPY . /sub\n");
      await git("add", ".");
      await git("commit", "-qm", "first");
      await git("tag", "v1");
      writeFileSync(join(repository, "sub/f"), "second\n");
      await git("commit", "-qam", "second");
      const base = await serveGit(sandbox, join(repository, ".."));
      const built = async (fragment: string, tag: string) => {
        const query = new URLSearchParams({ remote: `${base}/repo${fragment}`, t: tag });
        const url = `http://docker/build?${query}&networkmode=none`;
        const reply = await fetch(url, { method: "POST", unix: `${state}/docker.sock` });
        return [reply.status, await reply.text()] as const;
      };
      expect(await built("", "git1")).toEqual([200, expect.stringContaining("Successfully built")]);
      expect(await inside("git1", "cat", "/f")).toBe("second");
      await built("#v1", "git2");
      expect(await inside("git2", "cat", "/f")).toBe("first");
      await built("#trunk:sub", "git3");
      expect(await inside("git3", "cat", "/sub/f")).toBe("second");
      for (const [fragment, words] of [
        ["#nosuch", "error fetching the git context"],
        ["#--upload-pack=x", "invalid refspec"],
        ["#:../..", "not within git root"],
      ]) {
        expect(await built(fragment!, "x")).toEqual([400, expect.stringContaining(words!)]);
      }
    },
    LIMIT_MS,
  );

  test(
    "the cache: what is the same is not done again, and what follows a change is",
    async () => {
      const steps = "FROM base\nCOPY file /f\nRUN cat /f > /g\nENV A=1\n";
      write(steps);
      const using = async (...args: string[]) =>
        ((await build("-t", "cached", ...args)).stdout.match(/Using cache/g) ?? []).length;
      expect(await using()).toBe(0);
      const id = await docker.id("cached");
      expect(await using()).toBe(3);
      expect(await docker.id("cached")).toBe(id);
      expect(await using("--no-cache")).toBe(0);
      writeFileSync(join(context, "file"), "changed\n");
      expect(await using()).toBe(0);
      expect(await inside("cached", "cat", "/g")).toBe("changed");
      write(steps.replace("A=1", "A=2"));
      expect(await using()).toBe(2);
    },
    LIMIT_MS,
  );

  test(
    "the cache of an image that was built elsewhere",
    async () => {
      const steps = "FROM base\nRUN echo 1 > /1\nENV A=1\nRUN echo 2 > /2\n";
      const name = `${registry.host}/cache:1`;
      write(steps);
      expect((await build("--no-cache", "-t", name)).code).toBe(0);
      const id = await docker.id(name);
      const archive = sandbox.path("cache.tar");
      await docker.run("save", "-o", archive, name);
      await docker.run("rmi", name);
      await docker.run("load", "-i", archive);
      const using = async (...args: string[]) =>
        ((await build("-t", "again", ...args)).stdout.match(/Using cache/g) ?? []).length;
      expect(await using("--cache-from", name)).toBe(3);
      expect(await docker.id("again")).toBe(id);
      write(steps.replace("echo 2", "echo 3"));
      expect(await using("--cache-from", name)).toBe(2);
      write(steps.replace("echo 1", "echo 4"));
      expect(await using("--cache-from", name, "--cache-from", "not-here")).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "limits and exit codes",
    async () => {
      write("FROM base\nRUN ulimit -n > /n\nRUN exit 42\n");
      expect((await build("--ulimit", "nofile=77:77")).code).toBe(42);
      const kept = await build("--ulimit", "nofile=77:77", "--force-rm");
      expect(kept.stdout).toContain("Using cache");
      expect(await docker.run("ps", "-aq", "-f", "exited=42")).not.toBe("");
      await docker.run("container", "prune", "-f");
    },
    LIMIT_MS,
  );

  test(
    "a client that goes away takes the step's container with it",
    async () => {
      write("FROM base\nRUN sleep 1000\n");
      const running = Bun.spawn(["docker", "build", "--network", "none", context], {
        stdout: "ignore",
        stderr: "ignore",
        env: childEnv({ DOCKER_HOST: `unix://${state}/docker.sock`, DOCKER_BUILDKIT: "0" }),
      });
      await waitUntil("the step runs", async () => (await docker.run("ps", "-q")) !== "");
      running.kill("SIGKILL");
      await running.exited;
      await waitUntil("its container is gone", async () => (await docker.run("ps", "-aq")) === "");
    },
    LIMIT_MS,
  );

  test(
    "catena's own commands, with a credential helper",
    async () => {
      const helper = sandbox.path("bin", "docker-credential-test");
      const answer = JSON.stringify({ Username: USER, Secret: PASSWORD });
      writeFileSync(helper, `#!/bin/sh\ncat > /dev/null\necho '${answer}'\n`);
      chmodSync(helper, 0o755);
      const config = sandbox.path("catena-config", "config.json");
      writeFileSync(config, JSON.stringify({ credHelpers: { [registry.host]: "test" } }));
      const env = {
        PATH: `${join(helper, "..")}:${process.env["PATH"]}`,
        DOCKER_CONFIG: join(config, ".."),
      };
      const catena = (...args: string[]) =>
        runCommand([binPath("catena"), ...args, "--state", state], { env });
      const name = `${registry.host}/own:1`;
      write("FROM base\nCOPY . /all\nLABEL own=1\n");
      const built = await catena("build", "--network", "none", "-t", name, context);
      expect([built.stderr, built.stdout.split("\n").at(-2)]).toEqual([
        "",
        `Successfully tagged ${name}`,
      ]);
      const id = await docker.id(name);
      // The same files arrive, whichever client packs them: docker's finds all in the cache.
      expect((await build("-t", "by-docker")).code).toBe(0);
      expect(await docker.id("by-docker")).toBe(id);
      const pushed = await catena("push", name);
      expect(pushed.stdout).toMatch(/1: digest: sha256:[0-9a-f]{64} size: [0-9]+/);
      await docker.run("rmi", name, "by-docker");
      const pulled = await catena("pull", name);
      expect(pulled.stdout).toContain(`Status: Downloaded newer image for ${name}`);
      expect(await docker.id(name)).toBe(id);
      const failed = await catena("build", "-t", "x", sandbox.path("none"));
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("ENOENT")]);
    },
    LIMIT_MS,
  );
});
