import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createReadStream } from "node:fs";
import { pack } from "tar-stream";
import type { CallContext } from "#lib/rpc/service.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import type { ByteStream, DockerEngine, OutputChunk } from "#wire/docker-api/engine.ts";
import { type Box, reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { descriptorTargets, processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// Our client of the Engine API, on the genuine dockerd and on ours: one interface, the same
// results.

const LIMIT_MS = 120_000;
const call: CallContext = {};

interface Target {
  name: string;
  boxes: Box[];
  start(sandbox: Sandbox): Promise<Daemon[]>;
}

/** The daemon to talk to comes first. */
const TARGETS: Target[] = [
  {
    name: "the genuine dockerd",
    boxes: ["genuine dockerd", "genuine containerd", "genuine runc"],
    start: async (sandbox) => {
      const containerd = await startGenuineContainerd(sandbox);
      return [await startGenuineDockerd(sandbox, { containerd: containerd.socket }), containerd];
    },
  },
  {
    name: "our daemon",
    boxes: ["catena daemon", "catena shim", "catena runc"],
    start: async (sandbox) => [await startCatenaDaemon(sandbox)],
  },
];

async function textOf(output: AsyncIterable<OutputChunk>): Promise<{ out: string; err: string }> {
  const text = { out: "", err: "" };
  for await (const { stream, data } of output) {
    text[stream === 1 ? "out" : "err"] += Buffer.from(data).toString();
  }
  return text;
}

async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

for (const target of TARGETS) {
  const reason = reasonToSkip(target.boxes);
  describe(`our client on ${target.name}${reason ? ` [skipped: ${reason}]` : ""}`, () => {
    const it = (name: string, work: () => Promise<void>) =>
      test.skipIf(reason !== undefined)(name, work, LIMIT_MS);
    let sandbox: Sandbox;
    let daemons: Daemon[] = [];
    let engine: DockerEngine;

    beforeAll(async () => {
      if (reason) return;
      sandbox = new Sandbox();
      daemons = await target.start(sandbox);
      engine = connectDocker(daemons[0]!.socket);
      const tar = createReadStream(await busyboxTar(sandbox));
      const options = { repo: "catest", tag: "latest", message: "", changes: [], platform: "" };
      for await (const _ of engine.imageImport(tar, options, call)) {
        // Progress.
      }
    }, LIMIT_MS);

    afterAll(async () => {
      if (reason) return;
      for (const daemon of daemons) await daemon.stop();
      await sandbox.close();
    }, LIMIT_MS);

    async function createCat(name: string): Promise<string> {
      const body = {
        Image: "catest:latest",
        Cmd: ["cat"],
        OpenStdin: true,
        StdinOnce: true,
        HostConfig: { NetworkMode: "none", CgroupParent: `/${sandbox.tag}` },
      };
      const { Id } = await engine.containerCreate({ name, platform: "", body }, call);
      return Id;
    }

    const remove = (id: string) =>
      engine.containerRemove(id, { force: true, volumes: true, link: false }, call);

    it("carries a container's input and output, and tells its end", async () => {
      const id = await createCat("one");
      const flags = { stdin: true, stdout: true, stderr: true, stream: true, logs: false };
      const attached = await engine.containerAttach(id, { ...flags, detachKeys: "" }, call);
      const { done } = await engine.containerWait(id, "next-exit", call);
      expect(await engine.containerStart(id, call)).toBe(true);
      expect(await engine.containerStart(id, call)).toBe(false);
      await attached.input!.write(Buffer.from("hello\n"));
      await attached.input!.end();
      expect(await textOf(attached.output)).toEqual({ out: "hello\n", err: "" });
      expect((await done).StatusCode).toBe(0);
      const show = { stdout: true, stderr: true, follow: true, timestamps: false, details: false };
      const logs = await engine.containerLogs(id, show, call);
      expect((await textOf(logs.output)).out).toBe("hello\n");
      await remove(id);
    });

    it("executes: input to its end, both streams, exit codes", async () => {
      const id = await createCat("two");
      await engine.containerStart(id, call);
      const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
      const Cmd = ["sh", "-c", "cat; echo err >&2; exit 4"];
      const exec = await engine.execCreate(id, { Cmd, ...streams }, call);
      const attached = (await engine.execStart(exec.Id, {}, call))!;
      await attached.input!.write(Buffer.from("in"));
      await attached.input!.end();
      expect(await textOf(attached.output)).toEqual({ out: "in", err: "err\n" });
      expect((await engine.execInspect(exec.Id, call)).ExitCode).toBe(4);
      const broken = await engine.execCreate(id, { Cmd: ["nosuch"], ...streams }, call);
      const text = await textOf((await engine.execStart(broken.Id, {}, call))!.output);
      expect(text.out).toContain("executable file not found");
      expect([126, 127]).toContain((await engine.execInspect(broken.Id, call)).ExitCode!);
      await remove(id);
    });

    it("holds nothing for execs that nobody starts, and starts one late", async () => {
      const id = await createCat("late");
      await engine.containerStart(id, call);
      const fifos = () =>
        descriptorTargets(daemons[0]!.pid).filter((path) => path.includes(`/${id}/`)).length;
      const before = fifos();
      const body = { Cmd: ["echo", "late"], AttachStdout: true, AttachStderr: true };
      const ids: string[] = [];
      for (let count = 0; count < 100; count++) {
        ids.push((await engine.execCreate(id, body, call)).Id);
      }
      expect(fifos() - before).toBeLessThanOrEqual(64 * 6);
      await waitUntil("the descriptors are closed", () => fifos() === before);
      for (const exec of [ids[0]!, ids.at(-1)!]) {
        const attached = (await engine.execStart(exec, {}, call))!;
        expect(await textOf(attached.output)).toEqual({ out: "late\n", err: "" });
        expect((await engine.execInspect(exec, call)).ExitCode).toBe(0);
      }
      await remove(id);
    });

    it("copies files both ways and tells what changed", async () => {
      const id = await createCat("three");
      const packing = pack();
      packing.entry({ name: "new", mode: 0o600 }, "content");
      packing.finalize();
      const options = { path: "/etc", noOverwriteDirNonDir: false, copyUidGid: false };
      await engine.containerArchivePut(id, options, packing as unknown as ByteStream, call);
      expect(await engine.containerArchiveStat(id, "/etc/new", call)).toMatchObject({
        name: "new",
        size: 7,
        mode: 0o600,
      });
      const { tar } = await engine.containerArchiveGet(id, "/etc/new", call);
      expect((await bytesOf(tar)).toString("latin1")).toContain("content");
      expect(await engine.containerChanges(id, call)).toEqual([
        { Path: "/etc", Kind: 0 },
        { Path: "/etc/new", Kind: 1 },
      ]);
      await remove(id);
    });

    it("ends what runs when a removal comes while it is started", async () => {
      for (let round = 0; round < 3; round++) {
        const body = {
          Image: "catest:latest",
          Cmd: ["sleep", "98765"],
          HostConfig: { NetworkMode: "none", CgroupParent: `/${sandbox.tag}` },
        };
        const { Id } = await engine.containerCreate({ name: "", platform: "", body }, call);
        const started = engine.containerStart(Id, call).catch(() => false);
        await Bun.sleep(round * 10);
        await remove(Id).catch(() => undefined);
        await started;
        // Whoever came first: in the end it is to go.
        await remove(Id).catch(() => undefined);
        expect(engine.containerInspect(Id, false, call)).rejects.toThrow("No such container");
      }
      await waitUntil("no process is left", () =>
        processesOf(sandbox.folder, sandbox.tag).every(
          ({ command }) => !command.includes("sleep 98765"),
        ),
      );
    });

    it("carries refusals with their code", async () => {
      expect(engine.containerInspect("none", false, call)).rejects.toMatchObject({
        outer: { code: "not_found", message: "No such container: none" },
      });
      expect(engine.volumeRemove("none", false, call)).rejects.toMatchObject({
        outer: { code: "not_found" },
      });
    });
  });
}
