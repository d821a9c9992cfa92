import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerHost } from "./docker_host.ts";
import { pushIndex } from "./made_index.ts";
import { type RegistryServer, registryMissing, startRegistry } from "./registry_server.ts";

// Images go from one stack to the other through Debian's registry; digests are equal each way.

const LIMIT_MS = 300_000;
const SKOPEO = "/usr/bin/skopeo";
const reason =
  registryMissing() ??
  (existsSync(SKOPEO) ? undefined : "skopeo is not there") ??
  reasonToSkip(["genuine dockerd", "genuine containerd", "docker cli", "catena daemon"]);

describe.skipIf(reason !== undefined)(`pull and push${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  let registry: RegistryServer;
  let ours: DockerHost;
  let genuine: DockerHost;
  let containerdSocket: string;

  beforeAll(async () => {
    registry = await startRegistry(sandbox, "registry");
    const daemon = await startCatenaDaemon(sandbox);
    containerdSocket = `${daemon.state}/containerd.sock`;
    ours = new DockerHost(sandbox, "ours", daemon.socket);
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    genuine = new DockerHost(sandbox, "genuine", dockerd.socket);
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  const repo = (name: string) => `${registry.host}/${name}`;
  const remoteDigest = async (image: string) => {
    const args = ["--tls-verify=false", "--format", "{{.Digest}}", `docker://${image}`];
    return (await mustRun([SKOPEO, "inspect", ...args])).trim();
  };

  test(
    "ours pushes, genuine pulls and pushes again: one digest, one id",
    async () => {
      const name = repo("from-ours:1");
      await ours.run("import", await busyboxTar(sandbox), name);
      const digest = await ours.digestOf("push", name);
      expect(await remoteDigest(name)).toBe(digest);
      expect(await genuine.digestOf("pull", name)).toBe(digest);
      expect(await genuine.id(name)).toBe(await ours.id(name));
      await genuine.run("tag", name, repo("again:1"));
      expect(await genuine.digestOf("push", repo("again:1"))).toBe(digest);
      expect(await ours.digestOf("push", name)).toBe(digest);
      expect(await ours.run("images", "--digests")).toContain(digest);
      // The plain layers that it was made of are gone: what the registry has is kept, once.
      const names = await mustRun([
        "ctr",
        "-a",
        containerdSocket,
        "-n",
        "moby",
        "images",
        "ls",
        "-q",
      ]);
      expect(names.trim().split("\n").sort()).toEqual([name, name.replace(":1", `@${digest}`)]);
    },
    LIMIT_MS,
  );

  test(
    "genuine pushes, ours pulls, runs and pushes again",
    async () => {
      const name = repo("from-genuine:1");
      const change = ["-c", "CMD echo ran"];
      await genuine.run("import", ...change, await busyboxTar(sandbox), name);
      const digest = await genuine.digestOf("push", name);
      const pulled = await ours.run("pull", name);
      expect(pulled).toContain(`Digest: ${digest}`);
      expect(pulled).toContain(`Status: Downloaded newer image for ${name}`);
      expect(await ours.run("pull", name)).toContain(`Image is up to date for ${name}`);
      expect(await ours.run("run", "--rm", "--network", "none", name)).toBe("ran");
      await ours.run("tag", name, repo("other/place:x"));
      expect(await ours.digestOf("push", repo("other/place:x"))).toBe(digest);
      const byDigest = `${repo("from-genuine")}@${digest}`;
      await ours.run("rmi", name);
      await ours.run("pull", byDigest);
      expect(await ours.id(byDigest)).toBe(await genuine.id(name));
    },
    LIMIT_MS,
  );

  test(
    "skopeo copies, ours pulls an index by platform, ctr says the same",
    async () => {
      const name = repo("indexed:1");
      const made = await pushIndex(registry.host, "indexed", await busyboxTar(sandbox));
      expect(await ours.digestOf("pull", name)).toBe(made.index);
      const list = ["-a", containerdSocket, "-n", "moby", "images", "ls", `name==${name}`];
      expect(await mustRun(["ctr", ...list])).toContain(made.index);
      const arch = (image: string) =>
        ours.run("image", "inspect", "-f", "{{.Architecture}}", image);
      expect(await arch(name)).toBe("amd64");
      await ours.run("pull", "--platform", "linux/arm/v6", name);
      expect(await arch(name)).toBe("arm");
      const refused = await ours.try(["pull", "--platform", "linux/s390x", name]);
      expect(refused.stderr).toContain("no matching manifest for linux/s390x in the manifest list");
      const inspected = await ours.run("manifest", "inspect", "--insecure", name);
      expect(JSON.parse(inspected).manifests).toHaveLength(3);
      const oci = [`docker://${name}`, `docker://${repo("skopeo:1")}`];
      const tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      await mustRun([SKOPEO, "copy", "-q", "--all", ...tls, ...oci]);
      expect(await ours.digestOf("pull", repo("skopeo:1"))).toBe(made.index);
    },
    LIMIT_MS,
  );

  test(
    "names, untagging and what is left",
    async () => {
      const name = repo("untag:1");
      await ours.run("import", "-c", "LABEL only=this", await busyboxTar(sandbox), name);
      await ours.run("push", name);
      await ours.run("tag", name, "untag:2");
      expect(await ours.run("rmi", "untag:2")).toBe("Untagged: untag:2");
      const removed = await ours.run("rmi", name);
      expect(removed).toMatch(/^Untagged: .*:1\nUntagged: .*@sha256:.*\nDeleted: sha256:/);
      const missing = await ours.try(["push", name]);
      expect(missing.stderr).toContain("An image does not exist locally with the tag: ");
      const unknown = await ours.try(["pull", repo("nothing:1")]);
      expect(unknown.stderr).toContain("not found: manifest unknown");
      const search = await ours.try(["search", `${registry.host}/x`]);
      expect(search.stderr).toContain("error searching");
    },
    LIMIT_MS,
  );

  test(
    "several images saved by one are loaded by the other",
    async () => {
      const names = [repo("saved:1"), repo("saved:2")];
      for (const [at, name] of names.entries()) {
        await ours.run("import", "-c", `ENV AT=${at}`, await busyboxTar(sandbox), name);
      }
      const archive = sandbox.path("saved.tar");
      await ours.run("save", "-o", archive, ...names);
      await genuine.run("load", "-i", archive);
      for (const name of names) expect(await genuine.id(name)).toBe(await ours.id(name));
      const back = sandbox.path("back.tar");
      await genuine.run("save", "-o", back, ...names);
      const ids = await Promise.all(names.map((name) => ours.id(name)));
      await ours.run("rmi", ...names);
      await ours.run("load", "-i", back);
      expect(await Promise.all(names.map((name) => ours.id(name)))).toEqual(ids);
    },
    LIMIT_MS,
  );

  test(
    "archives of others are loaded: skopeo's OCI and docker archives",
    async () => {
      const name = repo("archived:1");
      await ours.run("import", "-c", "LABEL x=y", await busyboxTar(sandbox), name);
      await ours.run("push", name);
      const id = await ours.id(name);
      await ours.run("rmi", name);
      for (const kind of ["oci-archive", "docker-archive"]) {
        const path = sandbox.path(`${kind}.tar`);
        const tls = ["--src-tls-verify=false", "-q"];
        const target = `${kind}:${path}:${kind === "oci-archive" ? "archived:1" : name}`;
        await mustRun([SKOPEO, "copy", ...tls, `docker://${name}`, target]);
        // skopeo writes the configuration anew for OCI: the id is another one then.
        const [, loaded = ""] = /^Loaded image(?: ID)?: (.*)$/.exec(
          await ours.run("load", "-i", path),
        ) ?? [""];
        const label = ["image", "inspect", "-f", "{{.Config.Labels.x}}"];
        expect(await ours.run(...label, loaded)).toBe("y");
        if (kind === "docker-archive") expect(await ours.id(loaded)).toBe(id);
        await ours.run("rmi", "-f", loaded);
      }
    },
    LIMIT_MS,
  );

  test(
    "an archive as docker before 1.10 made it gets the id that genuine dockerd gives it",
    async () => {
      const changes = ["-c", "ENV A=<1>", "-c", "CMD echo old"];
      await genuine.run("import", ...changes, await busyboxTar(sandbox), "legacy:1");
      const saved = sandbox.path("legacy.tar");
      await genuine.run("save", "-o", saved, "legacy:1");
      const files = sandbox.path("legacy");
      mkdirSync(files);
      await mustRun(["tar", "-xf", saved, "-C", files]);
      rmSync(`${files}/manifest.json`);
      await mustRun(["tar", "-cf", saved, "-C", files, "."]);
      await genuine.run("rmi", "legacy:1");
      for (const docker of [genuine, ours]) await docker.run("load", "-i", saved);
      expect(await ours.id("legacy:1")).toBe(await genuine.id("legacy:1"));
      expect(await ours.run("run", "--rm", "--network", "none", "legacy:1")).toBe("old");
    },
    LIMIT_MS,
  );

  test(
    "an import from a URL",
    async () => {
      const tar = Bun.file(await busyboxTar(sandbox));
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(tar) });
      try {
        const url = `http://127.0.0.1:${server.port}/rootfs.tar`;
        expect(await ours.run("import", url, "by-url:1")).toContain(`Downloading from ${url}`);
      } finally {
        await server.stop(true);
      }
      await ours.run("rmi", "by-url:1");
    },
    LIMIT_MS,
  );

  test(
    "a mirror stands for Docker Hub",
    async () => {
      const hub = repo("library/mirrored:1");
      await ours.run("import", await busyboxTar(sandbox), hub);
      const digest = await ours.digestOf("push", hub);
      const other = new Sandbox();
      try {
        const flags = ["--registry-mirror", `http://${registry.host}`];
        const daemon = await startCatenaDaemon(other, flags);
        const mirrored = new DockerHost(other, "mirrored", daemon.socket);
        expect(await mirrored.digestOf("pull", "mirrored:1")).toBe(digest);
        expect(await mirrored.run("images", "--format", "{{.Repository}}")).toBe("mirrored");
      } finally {
        await other.close();
      }
    },
    LIMIT_MS,
  );
});
