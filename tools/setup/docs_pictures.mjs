// `npm run docs:pictures`: the pictures in docs/pictures: the dashboard, and the doctor's cast.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.mjs";
import { BROWSER_PACKAGES, BUN, ensurePackages, run, runMain } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages([...BROWSER_PACKAGES, ["/usr/bin/ip", "iproute2"]]);
  build();
  // Alone with itself: other daemons and containers of this machine belong into no picture.
  const alone = ["--pid", "--fork", "--mount-proc", "--net", "sh", "-c"];
  const command = 'ip link set lo up; "$0" "$1"; exit $?';
  // A folder of its own: tests sweep the usual one by process ids, which are others in there.
  const folder = mkdtempSync(join(tmpdir(), "pictures-"));
  try {
    run("unshare", [...alone, command, BUN, "tests/docs/write_pictures.ts"], {
      env: { ...process.env, TMPDIR: folder },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
