import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { runCommand } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { GENUINE, startGenuineContainerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";

// Each command is given to the genuine containerd and to ours: ctr must print the same, refusals
// word for word, and end with the same code.

const LIMIT_MS = 300_000;
const reason = reasonToSkip(["genuine containerd", "catena containerd"]);
const NOTHING = `sha256:${"1".repeat(64)}`;

/** A command a line; NAME stands for the image, LAYER for its topmost snapshot. */
const GROUPS: Record<string, string> = {
  images: `
    images ls
    images check
    images label NAME a=b
    images tag NAME example.org/other:1
    images tag NAME example.org/other:1
    images tag example.org/none:1 example.org/other:2
    images ls name~=other
    images ls name=other
    images rm example.org/other:1
    images rm example.org/other:1
    images export FOLDER/one.tar NAME
    images export FOLDER/none.tar example.org/none:1
    images import --base-name example.org/again FOLDER/one.tar
    images import --digests --base-name example.org/digests FOLDER/one.tar
    images import --no-unpack --index-name example.org/index:1 FOLDER/one.tar
    images import FOLDER/nothing.tar
    images import FOLDER/..
    images ls -q
    images unmount /no/such
    images rm --sync example.org/index:1
    images usage NAME
    images usage example.org/none:1
    images push --user a:b example.org/none:1`,
  content: `
    content ls -q
    content get ${NOTHING}
    content get foo
    content label ${NOTHING} a=b
    content rm ${NOTHING}
    content active
    content ls
    content ingest --expected-size 3 --expected-digest ${NOTHING} ref1 < /etc/hostname
    content ingest ref2 < /proc/version
    content active -t 1s
    content edit ${NOTHING}
    content prune references
    content fetch-object`,
  snapshots: `
    snapshots ls
    snapshots usage
    snapshots prepare one LAYER
    snapshots prepare one LAYER
    snapshots prepare three none
    snapshots commit four one
    snapshots prepare five four
    snapshots rm four
    snapshots rm five
    snapshots rm four
    snapshots rm none
    snapshots commit six none
    snapshots --snapshotter none ls
    snapshots tree
    snapshots mounts /x none
    snapshots view seen none
    snapshots info none
    snapshots usage none
    snapshots label LAYER a=b
    snapshots label none a=b
    snapshots info LAYER
    snapshots diff LAYER > /dev/null
    snapshots diff none
    snapshots unpack ${NOTHING}
    snapshots usage -b LAYER`,
  namespaces: `
    namespaces create n1 a=b
    namespaces create n1
    namespaces label n1 c=d
    namespaces create bad/name
    namespaces create n2 bad
    namespaces ls -q
    namespaces label none c=d
    namespaces rm none
    namespaces rm n1
    namespaces rm n1`,
  leases: `
    leases create --id l1 --expires 0
    leases create --id l1 --expires 0
    leases ls -q
    leases ls
    leases create --id l2 --expires 1h a=b
    leases ls -q id==l2
    leases create --id bad/id
    leases rm l2
    leases rm l1
    leases rm l1`,
  containers: `
    containers create NAME c1
    containers create NAME c1
    containers create NAME bad/id
    containers create NAME ${"x".repeat(80)}
    containers ls -q
    containers label c1 x=y
    containers ls -q labels.x==y
    containers ls -q labels.x==z
    containers info none
    containers rm none
    tasks ls
    tasks start none
    tasks kill c1
    tasks exec --exec-id e1 c1 true
    containers rm c1`,
  tasks: `
    run --rm --runtime RUNTIME NAME t1 sh -c 'echo out; exit 42'
    run --rm --runtime RUNTIME NAME t1 /no/such
    run -d --runtime RUNTIME --null-io NAME t2 sleep 1000
    run -d --runtime RUNTIME --null-io NAME t2 sleep 1000
    tasks exec --exec-id e1 t2 sh -c 'echo hi; exit 3'
    tasks exec --exec-id e2 t2 nosuch
    tasks exec --exec-id bad/id t2 true
    tasks exec --exec-id e4 --cwd /no/such t2 true
    tasks exec --exec-id e5 --user 1234 t2 id -u
    tasks exec --exec-id e6 --user nobody t2 id -u
    tasks ps t2
    tasks ps none
    tasks metrics none
    tasks metrics --format json t2 > /dev/null
    tasks checkpoint none
    tasks attach none
    tasks ls -q
    tasks ls
    tasks kill --exec-id none t2
    tasks kill -s BAD t2
    tasks delete --exec-id none t2
    tasks start t2
    tasks pause t2
    tasks pause t2
    tasks ls
    tasks exec --exec-id e3 t2 true
    tasks resume t2
    tasks resume t2
    tasks pause none
    tasks resume none
    containers rm t2
    tasks rm t2
    tasks rm -f t2
    tasks kill t2
    containers rm t2`,
};

describe(reason ? `ctr's answers [skipped: ${reason}]` : "ctr's answers", () => {
  let sandbox: Sandbox;
  const daemons: Daemon[] = [];
  let layer = "";

  async function ctr(daemon: Daemon, line: string): Promise<string> {
    const script = `exec ${GENUINE.ctr} -a ${daemon.socket} -n ${sandbox.tag} ${line}`;
    const { code, stdout, stderr } = await runCommand(["sh", "-c", script]);
    return `${stdout}${stderr}exit code ${code}\n`;
  }

  function folderOf({ spec }: Daemon): string {
    const folder = sandbox.path(`folder-of-${spec.name}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async function answers(daemon: Daemon, lines: string[]): Promise<string[]> {
    const out: string[] = [];
    for (const line of lines) {
      const command = line
        .replaceAll("NAME", IMAGE)
        .replaceAll("LAYER", layer)
        .replaceAll("FOLDER", folderOf(daemon))
        .replaceAll("RUNTIME", "io.containerd.runc.v2");
      out.push(`ctr ${line}`, normal(await ctr(daemon, command)));
    }
    return out;
  }

  if (!reason) {
    beforeAll(async () => {
      sandbox = new Sandbox();
      daemons.push(await startGenuineContainerd(sandbox), await startCatenaContainerd(sandbox));
      const archive = await busyboxImageArchive(sandbox);
      for (const daemon of daemons) await ctr(daemon, `images import ${archive}`);
      layer = /sha256:\w+/.exec(await ctr(daemons[0]!, "snapshots ls"))![0];
    }, LIMIT_MS);
    afterAll(() => sandbox.close(), LIMIT_MS);
  }

  for (const [group, lines] of Object.entries(GROUPS)) {
    test.skipIf(reason !== undefined)(
      group,
      async () => {
        const commands = lines.trim().split(/\n\s*/);
        // One after the other: both keep the state of runc in one folder.
        const genuine = await answers(daemons[0]!, commands);
        expect(await answers(daemons[1]!, commands)).toEqual(genuine);
      },
      LIMIT_MS,
    );
  }
});

/** Times, process ids, ages, folders, and what genuine containerd's store puts around keys. */
function normal(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d[T ][\d:.]+( \+0000 UTC|Z)?/g, "TIME")
    .replace(/"[\w-]+\/\d+\/([^"]+)"/g, '"$1"')
    .replace(/\b\d{3,}\b(?=\s+(RUNNING|STOPPED|PAUSED))/g, "PID")
    .replace(/\S*\/(containerd|catena-containerd)\/(root|state)/g, "FOLDER")
    .replace(/folder-of-[\w-]+/g, "folder")
    .replace(/^\d+(?=\s+-\s*$)/gm, "PID")
    .replace(/\d+ (seconds?|minutes)|Less than a second|About a minute/g, "AGE")
    .replace(/(: invalid argument)+/g, ": invalid argument")
    .replace(/fifo\/\d+/g, "fifo/N")
    .replace(/[ \t]+/g, " ")
    .replace(/(?<=^| )[^\s=]+=[^\s,]*,\S+$/gm, sortLabels);
}

/** Go prints maps in any order. */
function sortLabels(labels: string): string {
  return labels.split(",").sort().join(",");
}
