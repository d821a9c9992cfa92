import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { mustRun } from "../../lib/command.ts";

/** What finding the disks takes; everything else is loaded from the root file system. */
const MODULES = ["virtio_pci", "virtio_blk"];

/**
 * Writes the initrd: busybox, the modules of the disks, and `initrd_init.sh`, which mounts them and
 * hands over. `modules` is the kernel's module folder, `target` the file to write, `busybox` one
 * for the machine's processor.
 */
export async function buildInitrd(modules: string, target: string, busybox: string): Promise<void> {
  const root = `${target}.root`;
  try {
    for (const name of ["bin", "modules", "proc", "sys", "dev", "system"]) {
      mkdirSync(join(root, name), { recursive: true });
    }
    const order = loadOrder(readFileSync(join(modules, "modules.dep"), "utf8"));
    for (const [index, path] of order.entries()) {
      const name = `${String(index).padStart(2, "0")}-${basename(path)}`;
      await mustRun(["cp", join(modules, path), join(root, "modules", name)]);
    }
    await mustRun(["cp", busybox, join(root, "bin/busybox")]);
    await mustRun(["cp", join(import.meta.dir, "initrd_init.sh"), join(root, "init")]);
    await mustRun(["chmod", "755", join(root, "init"), join(root, "bin/busybox")]);
    await mustRun(["sh", "-c", `find . | busybox cpio -o -H newc > "$1"`, "sh", target], {
      cwd: root,
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The modules' paths, each after those that it needs. */
function loadOrder(dependencies: string): string[] {
  const needs = new Map<string, string[]>();
  for (const line of dependencies.trim().split("\n")) {
    const [path, list = ""] = line.split(":");
    needs.set(path!, list.trim() === "" ? [] : list.trim().split(" "));
  }
  const order = new Set<string>();
  for (const name of MODULES) {
    const path = [...needs.keys()].find((key) => basename(key) === `${name}.ko`);
    if (!path) throw new Error(`the kernel has no module ${name}`);
    // modules.dep lists all of them, the deepest last.
    for (const need of [...needs.get(path)!].reverse()) order.add(need);
    order.add(path);
  }
  return [...order];
}
