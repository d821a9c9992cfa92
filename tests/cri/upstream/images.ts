import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "tar-stream";
import { mustRun } from "../../lib/command.ts";
import type { Sandbox } from "../../lib/sandbox.ts";

const MTIME = new Date(0);
const FOLDERS = ["bin", "dev", "etc", "proc", "root", "run", "sys", "usr", "usr/sbin", "var"];
const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "daemon:x:1:1:daemon:/:/bin/false",
  "www-data:x:33:33:www-data:/:/bin/false",
  "default-user:x:1000:1000:default-user:/:/bin/sh",
  "nobody:x:65534:65534:nobody:/:/bin/false",
];
const GROUP = [
  "root:x:0:",
  "daemon:x:1:",
  "www-data:x:33:",
  "default-user:x:1000:",
  "group-defined-in-image:x:50000:default-user",
  "nogroup:x:65534:",
];

/** What Debian's busybox lacks. */
const SCRIPTS: Record<string, string> = {
  pgrep: 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = "$1" ] && basename $p; done',
  ipcs: "cat /proc/sysvipc/shm",
};

/** The images of critest 1.26 by their names below the registry, and the user that each names. */
const BUSYBOX_IMAGES: Record<string, string> = {
  "e2e-test-images/busybox:1.29-2": "",
  "test-image-latest:latest": "",
  "test-image-tag:test": "",
  "test-image-tag:all": "",
  "test-image-digest:latest": "",
  "test-image-1:latest": "",
  "test-image-2:latest": "",
  "test-image-3:latest": "",
  "test-image-user-uid:latest": "1002",
  "test-image-user-username:latest": "www-data",
  "test-image-user-uid-group:latest": "1003:1004",
  "test-image-user-username-group:latest": "www-data:1004",
  "test-image-predefined-group:latest": "1000",
};
const SAME_IMAGE = ["test-image-tags:1", "test-image-tags:2", "test-image-tags:3"];
const PROGRAMS: Record<string, string[]> = {
  "e2e-test-images/nonewprivs:1.3": ["/bin/nnp"],
  "e2e-test-images/nginx:1.14-2": ["/usr/sbin/nginx", "80", "nginx: master process"],
  "e2e-test-images/httpd:2.4.39-4": ["/usr/sbin/httpd", "80"],
  "hostnet-nginx-amd64:latest": ["/usr/sbin/nginx", "12003"],
};

/** All images in one archive of `docker save`'s form, for a registry at `host`. */
export async function upstreamImages(sandbox: Sandbox, host: string): Promise<string> {
  const folder = join(sandbox.path("upstream", "layout", "manifest.json"), "..");
  const layer = await rootLayer(sandbox);
  writeFileSync(join(folder, "layer.tar"), layer);
  const diffId = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const entry = (names: string[], config: object) => {
    const text = JSON.stringify({
      ...{ architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z" },
      config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], ...config },
      rootfs: { type: "layers", diff_ids: [diffId] },
    });
    const file = `${createHash("sha256").update(text).digest("hex")}.json`;
    writeFileSync(join(folder, file), text);
    return {
      Config: file,
      RepoTags: names.map((name) => `${host}/${name}`),
      Layers: ["layer.tar"],
    };
  };
  const manifest = [
    ...Object.entries(BUSYBOX_IMAGES).map(([name, user]) =>
      // Each is an image of its own.
      entry([name], { Cmd: ["sh"], User: user, Labels: { name } }),
    ),
    entry(SAME_IMAGE, { Cmd: ["sh"], Labels: { name: "test-image-tags" } }),
    ...Object.entries(PROGRAMS).map(([name, argv]) => entry([name], { Entrypoint: argv })),
  ];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const archive = sandbox.path("upstream", "images.tar");
  await mustRun(["tar", "-cf", archive, "-C", folder, "."]);
  return archive;
}

/** The names under which all of them lie in the registry at `host`. */
export function upstreamNames(host: string): string[] {
  const names = [...Object.keys(BUSYBOX_IMAGES), ...SAME_IMAGE, ...Object.keys(PROGRAMS)];
  return names.map((name) => `${host}/${name}`);
}

/** Applets are hard links: a path of one that is masked must not mask them all. */
async function rootLayer(sandbox: Sandbox): Promise<Buffer> {
  const program = sandbox.path("upstream", "program");
  await mustRun(["gcc", "-static", "-O2", "-o", program, `${import.meta.dir}/programs.c`]);
  const applets = (await mustRun(["/bin/busybox", "--list"])).split("\n").filter((name) => name);
  const archive = pack();
  const entry = (name: string, mode: number, data: Buffer | string) =>
    archive.entry({ name, mode, mtime: MTIME }, data);
  const link = (name: string, linkname: string) =>
    archive.entry({ name, type: "link", linkname, mode: 0o755, mtime: MTIME });
  for (const name of FOLDERS) {
    archive.entry({ name: `${name}/`, type: "directory", mode: 0o755, mtime: MTIME });
  }
  archive.entry({ name: "var/run/", type: "directory", mode: 0o755, mtime: MTIME });
  archive.entry({ name: "tmp/", type: "directory", mode: 0o1777, mtime: MTIME });
  entry("etc/passwd", 0o644, `${PASSWD.join("\n")}\n`);
  entry("etc/group", 0o644, `${GROUP.join("\n")}\n`);
  entry("bin/busybox", 0o755, readFileSync("/bin/busybox"));
  entry("bin/sh", 0o755, readFileSync(program));
  entry("bin/nnp", 0o4755, readFileSync(program));
  for (const name of ["usr/sbin/nginx", "usr/sbin/httpd"]) link(name, "bin/sh");
  for (const [name, script] of Object.entries(SCRIPTS)) {
    entry(`bin/${name}`, 0o755, `#!/bin/busybox sh\n${script}\n`);
  }
  const given = new Set(["busybox", "sh", "httpd", ...Object.keys(SCRIPTS)]);
  for (const name of applets) if (!given.has(name)) link(`bin/${name}`, "bin/busybox");
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
