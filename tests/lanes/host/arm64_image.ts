import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../lib/command.ts";
import type { BaseImage } from "./base_image.ts";
import { buildInitrd } from "./initrd_build.ts";

const SUITE = "bookworm";

/** What the machine's scripts and the tests of runtimes call; no daemons. */
const PACKAGES = [
  ...["linux-image-cloud-arm64", "busybox-static", "kmod", "iproute2", "procps", "util-linux"],
  ...["mount", "dash", "coreutils", "tar", "hostname", "sed", "grep", "libgcc-s1", "strace"],
  ...["runc", "crun", "uidmap"],
];
/** Folders and names that configuring the packages would have made. */
const FOLDERS = ["proc", "sys", "dev", "run", "lane", "root", "tmp", "var/tmp", "usr/local/bin"];
const APPLETS = ["poweroff", "awk"];
const FILES: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nnogroup:x:65534:\n",
};

const IMAGE_MIB = 1024;
const BUILD_LIMIT_MS = 20 * 60_000;

/**
 * Returns the image of the arm64 lane, from `cache` or built there. Its packages are unpacked and
 * not configured, since that would run arm64 programs here: enough for a shell and runtimes.
 */
export async function arm64Image(cache: string): Promise<BaseImage> {
  const hash = createHash("sha256");
  for (const name of ["arm64_image.ts", "initrd_build.ts", "initrd_init.sh"]) {
    hash.update(readFileSync(join(import.meta.dir, name)));
  }
  const folder = join(cache, `arm64-${hash.digest("hex").slice(0, 12)}`);
  if (!existsSync(folder)) await buildImage(cache, folder);
  return {
    disk: join(folder, "disk.ext4"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.cpio"),
  };
}

async function buildImage(cache: string, folder: string): Promise<void> {
  const draft = `${folder}.${process.pid}`;
  console.error("lane: building the arm64 image (about two minutes, once)");
  mkdirSync(draft, { recursive: true });
  try {
    const root = join(draft, "root");
    const wanted = ["--architectures=arm64", `--include=${PACKAGES.join(",")}`];
    const options = ["--quiet", "--mode=root", "--variant=extract", ...wanted];
    await mustRun(["mmdebstrap", ...options, SUITE, root], { timeoutMs: BUILD_LIMIT_MS });
    await completeRoot(root);
    const modules = join(root, "lib/modules");
    const [release] = readdirSync(modules);
    if (!release) throw new Error(`${modules} holds no kernel`);
    await mustRun(["cp", join(root, "boot", `vmlinuz-${release}`), join(draft, "vmlinuz")]);
    await mustRun(["depmod", "-b", root, release]);
    const busybox = join(root, "bin/busybox");
    await buildInitrd(join(modules, release), join(draft, "initrd.cpio"), busybox);
    rmSync(join(root, "boot"), { recursive: true });
    const disk = join(draft, "disk.ext4");
    await mustRun(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, `${IMAGE_MIB}M`]);
    rmSync(root, { recursive: true });
    for (const name of readdirSync(cache)) {
      if (/^arm64-[0-9a-f]{12}$/.test(name)) rmSync(join(cache, name), { recursive: true });
    }
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function completeRoot(root: string): Promise<void> {
  for (const name of FOLDERS) mkdirSync(join(root, name), { recursive: true });
  for (const name of APPLETS) {
    await mustRun(["ln", "-sf", "/bin/busybox", join(root, "usr/local/bin", name)]);
  }
  for (const [name, text] of Object.entries(FILES)) await Bun.write(join(root, name), text);
}
