import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { binPath } from "#lib/install/install_paths.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { openBrowser, openPage } from "../seeing/browser.ts";
import { LeakingStack } from "../seeing/leaking_stack.ts";
import { ROOT } from "../tidy/source_files.ts";
import { drawCastPicture } from "./cast_picture.ts";
import { CastRecorder, castFile } from "./terminal_cast.ts";

const FOLDER = join(ROOT, "docs/pictures");
const SIZE = { columns: 112, rows: 50 };
const LEAK_LIMIT = 200;
const LEAK_PAUSE_MS = "150";
/** Enough of the rise to be seen, with room up to the limit. */
const SHOWN_THREADS = 110;

/** `npm run docs:pictures`: the dashboard with the incident, and the doctor in a terminal. */
async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const sandbox = new Sandbox();
  try {
    const stack = await LeakingStack.start(sandbox);
    const url = await stack.dashboard("--interval", "0.5");
    await startOthers(stack);
    const { page, complaints } = await openPage(await openBrowser(sandbox), url);
    await stack.run("payments", LEAK_LIMIT, "thread-leak", "4096", LEAK_PAUSE_MS);
    await shootForecast(page);
    await shootIncident(page, stack);
    if (complaints.length > 0) throw new Error(`the page complained: ${complaints.join("; ")}`);
    await recordDoctor(sandbox, stack);
  } finally {
    await sandbox.close();
  }
}

/** Neighbours, so that the page shows what it sorts. */
async function startOthers(stack: LeakingStack): Promise<void> {
  await stack.run("web", 100, "thread-leak", "42");
  await stack.run("queue", 400, "thread-leak", "61");
  await stack.run("cache", 64, "thread-leak", "9");
  await stack.run("cron", 50, "sleep", "100000");
  await stack.must("exec", "web", "true");
  await stack.must("exec", "cache", "sh", "-c", "echo ok");
}

/** The container while it rises: limit as a line, forecast dashed. */
async function shootForecast(page: Page): Promise<void> {
  await page.locator(".attention a", { hasText: "payments" }).first().click();
  await page.getByRole("heading", { name: "payments" }).waitFor();
  const row = page.getByRole("row", { name: /thread-leak/ });
  await waitUntil("the leak has risen", async () => {
    const threads = /thread-leak\D*(\d+)/.exec((await row.textContent()) ?? "")?.[1];
    return Number(threads) >= SHOWN_THREADS;
  });
  await page.screenshot({ path: join(FOLDER, "forecast.png") });
}

/** The page when the limit is met and execs fail. */
async function shootIncident(page: Page, stack: LeakingStack): Promise<void> {
  await page.goBack();
  await page
    .getByText(`has ${LEAK_LIMIT} of ${LEAK_LIMIT} threads: the limit is met`)
    .first()
    .waitFor();
  for (let time = 0; time < 2; time++) await stack.catena("exec", "payments", "true");
  await page.getByRole("region", { name: "Failures" }).getByText("no room").first().waitFor();
  // The chain is looked at more seldom than containers are.
  await page.getByText("1 shim, none held").waitFor();
  await page.screenshot({ path: join(FOLDER, "dashboard.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: join(FOLDER, "dashboard-dark.png"), fullPage: true });
}

/** From the failed exec to the rescue, as it looks in a terminal. */
async function recordDoctor(sandbox: Sandbox, stack: LeakingStack): Promise<void> {
  const { state } = stack.daemon;
  const usual = (text: string) =>
    text.replaceAll(state, "/run/catena").replaceAll(sandbox.folder, "/tmp/catena");
  const recorder = new CastRecorder("catena doctor finds a full pids cgroup", SIZE, usual);
  const run = (command: string, ...words: string[]) =>
    recorder.run(`catena ${command} ${words.map(quoted).join(" ")}`, [
      binPath("catena"),
      command,
      "--state",
      state,
      ...words,
    ]);
  await run("exec", "payments", "true");
  await run("doctor", "payments");
  await run("exec", "--rescue", "payments", "sh", "-c", "grep Threads /proc/1/status");
  writeFileSync(join(FOLDER, "doctor.cast"), castFile(recorder.cast));
  writeFileSync(join(FOLDER, "doctor.svg"), drawCastPicture(recorder.cast));
}

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word}'`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
