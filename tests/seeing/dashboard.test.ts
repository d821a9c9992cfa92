import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { reasonToSkip } from "../lib/box_probe.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { axeViolations, browserMissing, openBrowser, openPage } from "./browser.ts";
import { LeakingStack } from "./leaking_stack.ts";

const LIMIT_MS = 120_000;
const missing = browserMissing() ?? reasonToSkip(["catena daemon"]);
const title = missing === undefined ? "the dashboard" : `the dashboard (skipped: ${missing})`;

/** Threads a second and limit such that the forecast has some seconds to be seen. */
const PIDS_LIMIT = 120;
const LEAK_PAUSE_MS = "150";

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  let stack: LeakingStack;
  let url: string;
  let page: Page;
  let complaints: string[];

  async function start(): Promise<void> {
    stack = await LeakingStack.start(sandbox);
    url = await stack.dashboard("--interval", "0.5");
    await stack.run("calm", 100, "sleep", "100000");
    await stack.must("exec", "calm", "true");
    ({ page, complaints } = await openPage(await openBrowser(sandbox), url));
  }
  beforeAll(start, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  test(
    "the forecast warns before the limit is met, then the incident appears",
    async () => {
      await stack.run("leaky", PIDS_LIMIT, "thread-leak", "4096", LEAK_PAUSE_MS);
      const warning = page.locator(".attention li", { hasText: "leaky" });
      await warning.getByText(/rises: the limit is met in about/).waitFor();
      const used = Number(/has (\d+) of 120/.exec((await warning.textContent()) ?? "")?.[1]);
      expect(used).toBeGreaterThan(0);
      expect(used).toBeLessThan(PIDS_LIMIT);
      await warning.getByText("has 120 of 120 threads: the limit is met").waitFor();
      expect(await axeViolations(page)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "a container shows threads with limit by process, and the doctor's diagnosis",
    async () => {
      await page.locator(".attention a", { hasText: "leaky" }).press("Enter");
      await page.getByRole("heading", { name: "leaky" }).waitFor();
      expect(await page.evaluate("document.activeElement.textContent")).toBe("leaky");
      const chart = page.getByRole("img", { name: /Threads and processes: .* limit 120/ });
      await chart.locator("canvas").waitFor();
      const row = page.getByRole("row", { name: /thread-leak/ });
      expect(await row.textContent()).toBe("thread-leak120");
      await page.getByRole("button", { name: "Ask the doctor" }).press("Enter");
      await page.getByText("pids-cgroup-full (certain)").waitFor();
      await page.getByText(/update --pids-limit \d+ leaky/).waitFor();
      expect(await axeViolations(page)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "a failed exec appears with link, cause, evidence and fix",
    async () => {
      const { code } = await stack.catena("exec", "leaky", "true");
      expect(code).toBe(126);
      await page.getByRole("link", { name: "Overview" }).click();
      const failures = page.getByRole("region", { name: "Failures" });
      await failures.getByRole("listitem").filter({ hasText: "no room" }).getByRole("link").click();
      await page.getByText("pids-cgroup-full").waitFor();
      await page
        .getByText(/is full: 120 of 120/)
        .first()
        .waitFor();
      await page
        .getByText(/raise the pids limit/)
        .first()
        .waitFor();
      expect(await axeViolations(page)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "an exec's waterfall goes down to init, and its steps add up to the measured time",
    async () => {
      await page.goBack();
      const requests = page.getByRole("region", { name: "Requests" });
      await requests
        .getByRole("link", { name: /cli exec true/ })
        .last()
        .click();
      const table = page.locator("table.waterfall");
      await table.getByText("execve true").waitFor();
      const rows = "document.querySelectorAll('table.waterfall tbody tr')";
      const own = (await page.evaluate(
        `[...${rows}].map((row) => Number(row.dataset.own))`,
      )) as number[];
      const data = (await page.evaluate(
        "({ ...document.querySelector('table.waterfall').dataset })",
      )) as { total: string; between: string };
      const sum = own.reduce((total, ms) => total + ms, 0) + Number(data.between);
      expect(sum).toBeCloseTo(Number(data.total), 3);
      for (const link of ["cli", "dockerd", "containerd", "shim", "runc", "init"]) {
        expect(await table.getByRole("cell", { name: link, exact: true }).count()).not.toBe(0);
      }
      expect(await axeViolations(page)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "in the dark it is as accessible, and every theme can be chosen",
    async () => {
      await page.goto(`${new URL(url).origin}/#/`);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.getByRole("region", { name: "Containers", exact: true }).waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.getByRole("button", { name: "Theme: system" }).click();
      await page.getByRole("button", { name: "Theme: light" }).click();
      await page.getByRole("button", { name: "Theme: dark" }).waitFor();
      expect(complaints).toEqual([]);
    },
    LIMIT_MS,
  );

  test("nobody without the address gets in, nor a foreign host's page", async () => {
    const { origin, port, searchParams } = new URL(url);
    const cookie = { Cookie: `catena_dashboard_${port}=${searchParams.get("token")}` };
    const status = async (path: string, headers: Record<string, string>, method = "GET") =>
      (await fetch(origin + path, { headers, method, redirect: "manual" })).status;
    expect(await status("/", {})).toBe(401);
    expect(await status("/?token=wrong", {})).toBe(401);
    expect(await status("/api/failure?id=x", {})).toBe(401);
    expect(await status("/", cookie)).toBe(200);
    expect(await status("/", { ...cookie, Host: "rebound.example.com" })).toBe(421);
    expect(await status("/", { ...cookie, Origin: "http://example.com" })).toBe(403);
    expect(await status("/api/diagnose?key=x", cookie)).toBe(405);
    expect(await status("/../../etc/passwd", cookie)).toBe(404);
  });
});
