// Runs groups of test files, each in a process of its own with a time limit, and sums up.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesBelow } from "./build_cache.mjs";
import { readJunit } from "./junit_report.mjs";
import { BIOME, BUN, ROOT, TSC } from "./prerequisites.mjs";

const REPORT = ".cache/junit.xml";
const MINUTE_MS = 60_000;
const UNIT_LIMIT_MS = 5 * MINUTE_MS;
const FILE_LIMIT_MS = 20 * MINUTE_MS;
const CHECK_LIMIT_MS = 5 * MINUTE_MS;
/** Bun's own limit for a test that sets none. */
const TEST_TIMEOUT_MS = 60_000;

/** What a whole run found. */
export class Tally {
  passed = 0;
  failed = [];
  skipped = [];
  /** Failed once, passed when run again alone: told, so that nobody takes them for sound. */
  flaky = [];

  /** Takes in what another run found. */
  add(other) {
    this.passed += other.passed;
    this.failed.push(...other.failed);
    this.skipped.push(...other.skipped);
    this.flaky.push(...other.flaky);
  }

  /** Prints what was skipped and why, what failed, and the sums as the last line. */
  print() {
    for (const [suite, names] of bySuite(this.skipped)) {
      console.log(`skipped ${names.length}: ${suite}: ${names.join("; ")}`);
    }
    for (const { suite, name } of this.flaky)
      console.log(`passed at second try: ${suite}: ${name}`);
    for (const { suite, name } of this.failed) console.log(`failed: ${suite}: ${name}`);
    const { passed, failed, skipped } = this;
    console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  }
}

function bySuite(tests) {
  const suites = new Map();
  for (const { suite, name } of tests) suites.set(suite, [...(suites.get(suite) ?? []), name]);
  return suites;
}

/** Types, then format and lint: one test each. */
export async function runChecks(tally) {
  await runCheck(tally, "types", process.execPath, [TSC, "-p", "."]);
  const page = ["-p", "tools/dashboard/page"];
  await runCheck(tally, "types of the dashboard's page", process.execPath, [TSC, ...page]);
  await runCheck(tally, "format and lint", BIOME, ["check", "--error-on-warnings", "."]);
}

async function runCheck(tally, name, command, args) {
  const { code, output } = await runLimited(command, args, CHECK_LIMIT_MS);
  console.log(`${code === 0 ? "passed" : "FAILED"}: ${name}`);
  if (code === 0) {
    tally.passed++;
    return;
  }
  console.log(output);
  tally.failed.push({ suite: "checks", name });
}

/** The repository's own rules, and the tests beside the sources: a process for each group. */
export async function runUnitTests(tally) {
  await runFiles(tally, "tidy", ["tests/tidy.test.ts"], UNIT_LIMIT_MS);
  const files = ["lib", "wire", "stack", "tools"].flatMap((top) => filesBelow(top, isTest));
  for (const [group, members] of grouped(files)) {
    await runFiles(tally, group, members, UNIT_LIMIT_MS);
  }
}

/** A box is a group, and so is each of the other top folders. */
function grouped(files) {
  const groups = new Map();
  for (const file of files) {
    const [top, second] = file.split("/");
    const group = top === "stack" ? `${top}/${second}` : top;
    groups.set(group, [...(groups.get(group) ?? []), file]);
  }
  return groups;
}

/** The tests that need root and neighbours, file by file: those that a pattern names, or all. */
export async function runRootTests(tally, patterns = []) {
  const files = filesBelow("tests", (path) => isTest(path) && path !== "tests/tidy.test.ts");
  for (const pattern of patterns) {
    if (!files.some((path) => path.includes(pattern))) throw new Error(`no test file: ${pattern}`);
  }
  const wanted = (path) => patterns.some((pattern) => path.includes(pattern));
  for (const file of files.filter((path) => patterns.length === 0 || wanted(path))) {
    await runTwice(tally, file);
  }
}

/**
 * A file whose tests fail is swept after and run once more: on a busy machine a genuine daemon
 * misses a time limit now and then. What fails twice has failed; what passes then is told as flaky.
 */
async function runTwice(tally, file) {
  const first = new Tally();
  await runFiles(first, file, [file], FILE_LIMIT_MS);
  if (first.failed.length === 0) {
    tally.add(first);
    return;
  }
  const second = new Tally();
  await sweep(second);
  await runFiles(second, file, [file], FILE_LIMIT_MS);
  tally.add(second);
  if (second.failed.length === 0) tally.flaky.push(...first.failed);
}

function isTest(path) {
  return path.endsWith(".test.ts");
}

async function runFiles(tally, group, files, limitMs) {
  const report = join(ROOT, REPORT);
  mkdirSync(join(report, ".."), { recursive: true });
  rmSync(report, { force: true });
  const args = [
    "test",
    `--timeout=${TEST_TIMEOUT_MS}`,
    "--reporter=junit",
    `--reporter-outfile=${REPORT}`,
    ...files.map((file) => `./${file}`),
  ];
  const started = Date.now();
  const { code, output, timedOut } = await runLimited(BUN, args, limitMs);
  const tests = existsSync(report) ? readJunit(readFileSync(report, "utf8")) : [];
  const count = (outcome) => tests.filter((test) => test.outcome === outcome);
  const failed = count("failed").map(({ suite, name }) => ({ suite: suite || group, name }));
  if (timedOut) failed.push({ suite: group, name: `killed after ${limitMs / 1000} s` });
  else if (code !== 0 && failed.length === 0)
    failed.push({ suite: group, name: `exit code ${code}` });
  else if (tests.length === 0) failed.push({ suite: group, name: "it ran no test" });
  if (failed.length > 0) console.log(output);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${failed.length > 0 ? "FAILED" : "passed"}: ${group} (${tests.length}, ${seconds} s)`,
  );
  tally.passed += count("passed").length;
  tally.failed.push(...failed);
  tally.skipped.push(
    ...count("skipped").map(({ suite, name }) => ({ suite: suite || group, name })),
  );
}

/** Removes what killed test processes left behind. */
export async function sweep(tally) {
  const { code, output } = await runLimited(BUN, ["tests/lib/sweep.ts"], CHECK_LIMIT_MS);
  if (code !== 0) {
    console.log(output);
    tally.failed.push({ suite: "sweep", name: "left-overs of killed tests could not be removed" });
  }
}

/** Runs a command in a process group of its own, which is killed whole after the limit. */
function runLimited(command, args, limitMs) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, limitMs);
    const stop = () => {
      killGroup(child.pid);
      process.exit(130);
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    const finish = (code) => {
      clearTimeout(timer);
      process.removeListener("SIGINT", stop);
      process.removeListener("SIGTERM", stop);
      // What it left running may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, timedOut, output: Buffer.concat(chunks).toString("utf8") });
    };
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      finish(-1);
    });
    child.on("exit", (code) => setTimeout(finish, DRAIN_MS, code ?? -1));
  });
}

/** After the exit of a child, for what is still in its pipes. */
const DRAIN_MS = 50;

function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}
