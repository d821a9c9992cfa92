import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { mustRun } from "../../lib/command.ts";
import { arm64Image } from "./arm64_image.ts";
import { baseImage } from "./base_image.ts";
import { buildInputDisk } from "./input_disk.ts";
import { LANES } from "./lane_list.ts";
import { runMachine } from "./machine.ts";
import { countResults, type LaneResult } from "./result_count.ts";

const REPOSITORY = resolve(import.meta.dir, "../../..");
const CACHE = join(REPOSITORY, ".cache/lanes");
const DEFAULT_LIMIT_MIN = 60;

const USAGE = `usage: lane v2|systemd|arm64 [options] [FILE…]
  FILE              run these test files only
  --limit MINUTES   switch the machine off after this long (${DEFAULT_LIMIT_MIN})
  --accel NAME      qemu accelerator: tcg (default) or kvm`;

/** Runs one lane: builds what it needs, boots the machine, and tells what the tests in it said. */
async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      limit: { type: "string", default: String(DEFAULT_LIMIT_MIN) },
      accel: { type: "string", default: "tcg" },
    },
  });
  const [name = "", ...only] = positionals;
  const lane = LANES[name];
  if (!lane) {
    console.error(USAGE);
    return 2;
  }
  const files = only.length > 0 ? only.map(insideRepository) : lane.files(REPOSITORY);
  const folder = join(CACHE, `${name}-${process.pid}`);
  const results = join(CACHE, `${name}-results`);
  mkdirSync(folder, { recursive: true });
  try {
    const image = await (lane.arch === "arm64" ? arm64Image(CACHE) : baseImage(CACHE));
    const input = join(folder, "input.ext4");
    const output = join(folder, "output.tar");
    await buildInputDisk(REPOSITORY, input, files, lane.arch);
    const { timedOut } = await runMachine({
      ...{ image, input, output, init: lane.init, arch: lane.arch, accelerator: values.accel },
      limitMs: Number(values.limit) * 60_000,
      onLine: (line) => console.log(line),
    });
    await unpackResults(output, results);
    const result = countResults(files.map((file) => outcome(results, file)));
    return report(result, timedOut ? Number(values.limit) : undefined, results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function insideRepository(path: string): string {
  const name = relative(REPOSITORY, resolve(path));
  if (!existsSync(join(REPOSITORY, name))) throw new Error(`${path}: there is no such test file`);
  return name;
}

async function unpackResults(output: string, results: string): Promise<void> {
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  // A machine that died early left zeros, which tar takes for an empty archive.
  await mustRun(["tar", "-xf", output, "-C", results]);
}

/** The machine names a test file's folder of results after it, with slashes turned into dashes. */
function outcome(results: string, file: string) {
  const folder = join(results, file.replaceAll("/", "-"));
  const codeFile = join(folder, "code");
  const code = existsSync(codeFile) ? Number(readFileSync(codeFile, "utf8")) : undefined;
  return { file, report: join(folder, "junit.xml"), code };
}

function report(result: LaneResult, limitMin: number | undefined, results: string): number {
  for (const line of result.skipped) console.log(`skipped: ${line}`);
  for (const line of result.failed) console.log(`failed: ${line}`);
  if (limitMin !== undefined) console.log(`lane: switched off after ${limitMin} minutes`);
  console.log(`lane: results and logs are in ${relative(REPOSITORY, results)}`);
  const { passed, failed, skipped } = result;
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length === 0 && passed > 0 && limitMin === undefined ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
