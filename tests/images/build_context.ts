import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setXattr } from "#lib/linux/layer_file.ts";
import { mustRun } from "../lib/command.ts";

/** `cap_net_raw+ep`, as the kernel keeps it. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** Writes the files that the Dockerfiles under test copy. */
export async function writeContext(folder: string): Promise<void> {
  mkdirSync(join(folder, "tree/sub/empty"), { recursive: true });
  mkdirSync(join(folder, "ignored"), { recursive: true });
  mkdirSync(join(folder, "capable"), { recursive: true });
  const files: [string, string, number][] = [
    ["file", "a file\n", 0o644],
    ["file2", "another\n", 0o600],
    ["with space", "spaces\n", 0o644],
    ["script", "#!/bin/sh\necho ran\n", 0o755],
    ["tree/a.txt", "a\n", 0o640],
    ["tree/b.txt", "b\n", 0o444],
    ["tree/.hidden", "h\n", 0o644],
    ["tree/sub/deep", "deep\n", 0o4755],
    ["capable/ping", "may send what it likes\n", 0o755],
    ["ignored/x", "left out\n", 0o644],
    ["kept.log", "in again\n", 0o644],
    ["other.log", "left out\n", 0o644],
    [".dockerignore", "ignored\n*.log\n!kept.log\nDockerfile\n", 0o644],
  ];
  for (const [name, text, mode] of files) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
    utimesSync(join(folder, name), 1_600_000_000, 1_600_000_000);
  }
  symlinkSync("tree/a.txt", join(folder, "link"));
  symlinkSync("/absolute", join(folder, "tree/abs"));
  const packed = ["--owner=11", "--group=12", "-C", folder, "tree", "file"];
  await mustRun(["tar", "-cf", join(folder, "packed.tar"), ...packed]);
  setXattr(join(folder, "capable/ping"), "security.capability", CAPABILITY);
  const kept = ["--xattrs", "--xattrs-include=*", "-C", folder, "capable"];
  await mustRun(["tar", "-cf", join(folder, "capable.tar"), ...kept]);
  await mustRun(["tar", "-czf", join(folder, "packed.tar.gz"), ...packed]);
}
