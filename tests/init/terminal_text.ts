import { readSync } from "node:fs";

const SETTLE_MS = 2_000;

/** Reads what a terminal's master has to say, until `wanted` appears. */
export async function readUntil(master: number, wanted: RegExp): Promise<string> {
  let text = "";
  const buffer = Buffer.alloc(4096);
  const deadline = Date.now() + SETTLE_MS;
  while (!wanted.test(text)) {
    if (Date.now() > deadline) throw new Error(`${wanted} did not appear in ${text}`);
    try {
      text += buffer.toString("utf8", 0, readSync(master, buffer));
    } catch {
      await Bun.sleep(5);
    }
  }
  return text;
}
