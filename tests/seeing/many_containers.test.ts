import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { binPath, sharePath } from "#lib/install/install_paths.ts";
import { serveDashboard } from "#tools/dashboard/server/dashboard_server.ts";
import { Monitor } from "#tools/monitor/monitor.ts";
import { runCommand } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { axeViolations, browserMissing, openBrowser, openPage } from "./browser.ts";
import { MadeUpHost, serveNames } from "./made_up_host.ts";

const LIMIT_MS = 120_000;
const COUNT = 500;
const MAX_PAGE_BYTES = 150_000;
/** What would run, load, command a terminal, hide its end or fill the screen. */
const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  "<script>alert(2)<script>",
  "\x1b[2J\x1b[31mred\x07",
  "abc\u202egnp.exe",
  `${"very-long-".repeat(25)}end`,
  '"><svg onload=alert(3)>',
];
const missing = browserMissing();
const title = missing === undefined ? "the page" : `the page (skipped: ${missing})`;

test("the page's files are small and load nothing from elsewhere", () => {
  const folder = sharePath("dashboard");
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const bytes = files.reduce((total, file) => total + gzipSync(file).length, 0);
  expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
  const hosts = files.join("\n").match(/https?:\/\/[a-z0-9.-]+/g) ?? [];
  // Names of vocabularies, which nobody loads.
  expect([...new Set(hosts)].filter((host) => !host.endsWith("://www.w3.org"))).toEqual([]);
});

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  let page: Page;
  let complaints: string[];
  afterAll(() => sandbox.close(), LIMIT_MS);

  async function start(): Promise<void> {
    const prefix = sandbox.path("host", "x").slice(0, -2);
    const host = new MadeUpHost(prefix);
    const names = new Map<string, string>();
    for (let index = 0; index < COUNT; index++) {
      // A name with a slash is another container's link, so none has one.
      const hostile = HOSTILE[index];
      const process = hostile ?? "app";
      host.container(index, { threads: 1 + (index % 90), pidsMax: "100", process });
      names.set(MadeUpHost.id(index), hostile ?? `web-${index}`);
    }
    for (const [index, process] of HOSTILE.entries()) {
      host.container(index, { threads: 95 + index, pidsMax: "100", process });
    }
    host.container(0, { threads: 100, pidsMax: "100", process: HOSTILE[0]! });
    const socket = sandbox.path("names.sock");
    const server = serveNames(socket, names);
    sandbox.onClose(() => server.stop(true));
    const stateDir = sandbox.path("state");
    const options = { intervalMs: 1000, stateDir, prefix, dockerSockets: [socket] };
    const monitor = new Monitor(options);
    sandbox.onClose(() => monitor.stop());
    monitor.start();
    // Every container changes all the time: the most that a page can be told.
    let round = 0;
    monitor.onRound(() => {
      round += 1;
      for (let index = HOSTILE.length; index < COUNT; index++) {
        const threads = 1 + ((index + round) % 80);
        host.write(`${MadeUpHost.cgroup(index)}/pids.current`, `${threads}\n`);
      }
    });
    const dashboard = serveDashboard(monitor, 0);
    sandbox.onClose(() => dashboard.close());
    ({ page, complaints } = await openPage(await openBrowser(sandbox), dashboard.url));
  }

  test(
    "500 containers that all change leave it quick: typing is answered while they do",
    async () => {
      await start();
      await page.getByText(`${COUNT} of ${COUNT}`).waitFor();
      await page.evaluate(
        "globalThis.slow = 0; new PerformanceObserver((list) => { for (const task of " +
          "list.getEntries()) slow += task.duration }).observe({ type: 'longtask' })",
      );
      const started = performance.now();
      await page.getByRole("searchbox", { name: "Filter" }).pressSequentially("web-123");
      await page.getByText(`1 of ${COUNT}`).waitFor();
      const typedMs = performance.now() - started;
      await page.getByRole("searchbox", { name: "Filter" }).fill("");
      await Bun.sleep(3_000);
      const slowMs = Number(await page.evaluate("slow"));
      console.log(
        `typed 7 letters in ${typedMs.toFixed(0)} ms; long tasks ${slowMs.toFixed(0)} ms`,
      );
    },
    LIMIT_MS,
  );

  test(
    "hostile names are shown as text: nothing runs, loads, turns or overflows",
    async () => {
      await page.getByText(HOSTILE[0]!).first().waitFor();
      await page.getByText(HOSTILE[1]!).first().waitFor();
      await page.getByText("\\x1b[2J\\x1b[31mred\\x07").first().waitFor();
      await page.getByText("abc\\x202egnp.exe").first().waitFor();
      expect(await page.locator("img, svg, body script:not([src])").count()).toBe(0);
      const wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(Number(await page.evaluate(wider))).toBeLessThanOrEqual(0);
      await page.locator(".attention a").first().click();
      await page.getByRole("heading", { name: HOSTILE[0]! }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "the page works by keyboard alone",
    async () => {
      await page.goBack();
      await page.getByRole("region", { name: "Containers", exact: true }).waitFor();
      await page.reload();
      await page.getByText(`${COUNT} of ${COUNT}`).waitFor();
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("main");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: HOSTILE[0]! }).waitFor();
      await page.keyboard.press("Tab");
      await page.getByRole("link", { name: "Overview" }).press("Enter");
      await page.getByText(`${COUNT} of ${COUNT}`).waitFor();
    },
    LIMIT_MS,
  );
});

test("catena top shows hostile names without what would command the terminal", async () => {
  const { stdout, code } = await runCommand([binPath("catena"), "top", "--once"]);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});
