import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";

const LIMIT_MS = 240_000;

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});

/** A journalctl that follows a file: no journal is on most machines that run tests. */
function makeJournal(): { folder: string; write(line: string): void } {
  const folder = stack.sandbox.path("journal");
  mkdirSync(folder);
  const lines = `${folder}/lines`;
  writeFileSync(lines, "");
  writeFileSync(`${folder}/journalctl`, `#!/bin/sh\nexec tail -n 0 -F ${lines}\n`, { mode: 0o755 });
  return { folder, write: (line) => appendFileSync(lines, `${line}\n`) };
}

test.skipIf(reason !== undefined)(
  `the watch explains each new failure of logs, journal and events once${because}`,
  async () => {
    const journal = makeJournal();
    const name = await stack.run([]);
    const flags = ["--docker", stack.dockerSocket, "--containerd", stack.containerdSocket];
    const watch = Bun.spawn([binPath("catena"), "doctor", "--watch", ...flags], {
      env: { ...process.env, PATH: `${journal.folder}:${process.env["PATH"]}` },
      stdout: "pipe",
      stderr: "pipe",
    });
    let out = "";
    const take = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) out += decoder.decode(chunk, { stream: true });
    };
    const taken = Promise.all([take(watch.stdout), take(watch.stderr)]);
    const said = (text: string) => waitUntil(`the watch says ${text}`, () => out.includes(text));
    try {
      await said("watching ");
      expect(out).toContain("the journal");
      expect(out).toContain(stack.dockerSocket);
      // From dockerd's log file: three times, told once.
      for (let time = 0; time < 3; time++) await stack.docker("exec", name, "no-such-program");
      await said("exec-not-found");
      journal.write("kubelet: PLEG is not healthy: pleg was last seen active 3m5s ago");
      await said("PLEG is not healthy");
      await stack.run([], ["sh", "-c", "exit 3"]);
      await said("its program ended with exit code 3");
      watch.kill("SIGINT");
      const code = await watch.exited;
      await taken;
      expect(code === 0 ? "" : out).toBe("");
      expect(out.match(/message .*Error running exec/g)).toHaveLength(1);
      expect(out).toMatch(/3 × .*Error running exec/);
    } finally {
      watch.kill("SIGKILL");
      await watch.exited;
    }
    await stack.remove(name);
  },
  LIMIT_MS,
);
