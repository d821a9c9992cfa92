import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "../../lib/command.ts";
import { buildInitrd } from "./initrd_build.ts";

/** The distribution whose users we stand for. */
const SUITE = "bookworm";

/** What a Debian host with containers has, beyond the essential packages. */
const PACKAGES = [
  ...["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "kmod", "udev"],
  ...["linux-image-cloud-amd64", "busybox-static", "iproute2", "procps", "util-linux"],
  ...["apparmor", "e2fsprogs", "strace", "ca-certificates", "libseccomp2", "uidmap", "python3"],
  ...["runc", "crun", "containerd", "docker.io"],
];

const IMAGE_MIB = 2048;
const BUILD_LIMIT_MS = 20 * 60_000;

/** A Debian system as a disk, with its kernel beside it. */
export interface BaseImage {
  disk: string;
  kernel: string;
  initrd: string;
}

/**
 * Returns the base image of both lanes, from `cache` or built there: Debian's packages in an ext4
 * file, its cloud kernel, and an initrd of ours. What it is built from names its folder, so that it
 * is built anew when that changes, and a half-built one is never taken for whole.
 */
export async function baseImage(cache: string): Promise<BaseImage> {
  const folder = join(cache, `base-${imageKey()}`);
  if (!existsSync(folder)) await buildBaseImage(folder);
  return {
    disk: join(folder, "disk.ext4"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.cpio"),
  };
}

function imageKey(): string {
  const hash = createHash("sha256");
  for (const name of ["base_image.ts", "initrd_build.ts", "initrd_init.sh"]) {
    hash.update(readFileSync(join(import.meta.dir, name)));
  }
  return hash.digest("hex").slice(0, 12);
}

async function buildBaseImage(folder: string): Promise<void> {
  const draft = `${folder}.${process.pid}`;
  console.error("lane: building the Debian image (about two minutes, once)");
  mkdirSync(draft, { recursive: true });
  try {
    const root = join(draft, "root");
    await mustRun(bootstrapCommand(root), { timeoutMs: BUILD_LIMIT_MS });
    const release = onlyEntry(join(root, "usr/lib/modules"));
    await mustRun(["cp", join(root, "boot", `vmlinuz-${release}`), join(draft, "vmlinuz")]);
    const modules = join(root, "usr/lib/modules", release);
    await buildInitrd(modules, join(draft, "initrd.cpio"), join(root, "bin/busybox"));
    rmSync(join(root, "boot"), { recursive: true });
    mkdirSync(join(root, "boot"));
    mkdirSync(join(root, "lane"));
    await mustRun(
      ["mke2fs", "-q", "-t", "ext4", "-d", root, join(draft, "disk.ext4"), `${IMAGE_MIB}M`],
      { timeoutMs: BUILD_LIMIT_MS },
    );
    rmSync(root, { recursive: true });
    removeOutdated(folder);
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Images of former inputs: nothing refers to them any more. */
function removeOutdated(folder: string): void {
  for (const name of readdirSync(dirname(folder))) {
    if (/^base-[0-9a-f]{12}$/.test(name)) rmSync(join(dirname(folder), name), { recursive: true });
  }
}

function bootstrapCommand(root: string): string[] {
  const leftOut = ["man", "doc", "locale", "info"].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
  );
  return [
    "mmdebstrap",
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    `--include=${PACKAGES.join(",")}`,
    '--aptopt=Apt::Install-Recommends "false"',
    ...leftOut,
    // Its initrd would take longest of all, and ours is smaller: the machine is known.
    "--dpkgopt=path-exclude=/etc/kernel/postinst.d/initramfs-tools",
    "--customize-hook=chroot $1 systemctl disable docker.service docker.socket containerd.service",
    "--customize-hook=chroot $1 passwd -d root",
    SUITE,
    root,
  ];
}

function onlyEntry(folder: string): string {
  const names = readdirSync(folder);
  if (names.length !== 1) throw new Error(`${folder} holds ${names.length} kernels, not one`);
  return names[0]!;
}
