import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CAN_LAUNCH, failureOf, withContainer } from "./test_container.ts";

describe.skipIf(!CAN_LAUNCH)("hooks inside", () => {
  test(
    "run in order with the state on their input, and a failing one ends the creation",
    withContainer(
      {
        args: ["echo", "program"],
        edit: (spec, { folder }) => {
          const record = (name: string) => ({
            path: "/bin/sh",
            args: ["sh", "-c", `cat > ${join(folder, name)}`],
          });
          spec.hooks = {
            createContainer: [record("created")],
            startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat > /started"] }],
          };
        },
      },
      async (container) => {
        await container.create();
        const created = JSON.parse(readFileSync(join(container.folder, "created"), "utf8"));
        expect(created).toMatchObject({ status: "creating", pid: 1, ociVersion: "1.2.0" });
        expect(readdirSync(container.rootfs)).not.toContain("started");
        await container.start();
        expect((await container.launcher.waitFor(container.pid)).code).toBe(0);
        container.pid = 0;
        const started = JSON.parse(readFileSync(join(container.rootfs, "started"), "utf8"));
        expect(started).toMatchObject({ status: "created", pid: 1 });
        rmSync(join(container.folder, "state/exec.fifo"));
        container.spec.hooks = {
          createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "echo no >&2; exit 3"] }],
        };
        const error = await failureOf(container.create());
        expect(error.outer.message).toContain(
          "error running hook: exit status 3, stdout: , stderr: no",
        );
      },
    ),
  );

  test(
    "are killed when their time is over",
    withContainer(
      {
        edit: (spec) => {
          spec.hooks = {
            createContainer: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }],
          };
        },
      },
      async (container) => {
        expect((await failureOf(container.create())).root.message).toEndWith("ETIMEDOUT");
        expect(container.pids).toBe(0);
      },
    ),
  );
});
