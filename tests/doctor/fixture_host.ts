import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HostFiles } from "#tools/doctor/host/host_files.ts";

/** A made-up host in a folder: texts by path; `{ link }` makes a symbolic link. */
export class FixtureHost {
  readonly folder = mkdtempSync(join(tmpdir(), "catena-doctor-"));
  readonly files = new HostFiles(this.folder);

  constructor(entries: Record<string, string | { link: string }>) {
    for (const [path, entry] of Object.entries(entries)) {
      const whole = join(this.folder, path);
      mkdirSync(dirname(whole), { recursive: true });
      if (typeof entry === "string") writeFileSync(whole, entry);
      else symlinkSync(entry.link, whole);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** /proc/PID/stat and cmdline of one process. */
export function procEntries(
  pid: number,
  argv: string[],
  part: { state?: string; ppid?: number; threads?: number } = {},
): Record<string, string> {
  const { state = "S", ppid = 1, threads = 1 } = part;
  const rest = [ppid, ...Array.from({ length: 15 }, () => 0), threads, 0, 777];
  return {
    [`/proc/${pid}/stat`]: `${pid} (a (b) c) ${state} ${rest.join(" ")}\n`,
    [`/proc/${pid}/cmdline`]: `${argv.join("\0")}\0`,
  };
}
