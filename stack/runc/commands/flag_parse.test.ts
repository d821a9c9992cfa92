import { expect, test } from "bun:test";
import { parseBytes } from "./byte_sizes.ts";
import type { FlagSpec } from "./command_types.ts";
import { subCgroups } from "./exec_process.ts";
import { parseFlags, UsageError } from "./flag_parse.ts";
import { parseSignal } from "./signal_names.ts";

const SPECS: FlagSpec[] = [
  { name: "force", alias: "f", kind: "bool", usage: "" },
  { name: "env", alias: "e", kind: "list", usage: "" },
  { name: "preserve-fds", kind: "int", usage: "" },
];

test("Go's spellings: one dash or two, a value after = or as the next argument", () => {
  const { flags, args } = parseFlags(
    ["-force", "--env", "A=1", "-e=B=2", "--preserve-fds=3", "id"],
    SPECS,
    false,
  );
  expect(flags.on("force")).toBe(true);
  expect(flags.list("env")).toEqual(["A=1", "B=2"]);
  expect(flags.number("preserve-fds")).toBe(3);
  expect(args).toEqual(["id"]);
});

test("flags may follow arguments, except where they belong to the program", () => {
  expect(parseFlags(["id", "--force"], SPECS, false).flags.on("force")).toBe(true);
  const exec = parseFlags(["id", "ls", "--force", "-x"], SPECS, true);
  expect(exec.args).toEqual(["id", "ls", "--force", "-x"]);
  expect(parseFlags(["--", "--force"], SPECS, false).args).toEqual(["--force"]);
  expect(parseFlags(["id", "-9", "--force"], SPECS, false).args).toEqual(["id", "-9"]);
});

test("a wrong flag is refused in Go's words", () => {
  const parse =
    (...argv: string[]) =>
    () =>
      parseFlags(argv, SPECS, false);
  expect(parse("--nope")).toThrow(new UsageError("flag provided but not defined: -nope"));
  expect(parse("--env")).toThrow(/needs an argument: -env/);
  expect(parse("--preserve-fds", "x")).toThrow(/invalid value "x" for flag -preserve-fds/);
  expect(parse("--force=maybe")).toThrow(/invalid boolean value/);
  expect(parseFlags(["--force=false"], SPECS, false).flags.on("force")).toBe(false);
});

test("signals by number and name", () => {
  expect(["9", "KILL", "sigkill", "TERM", "winch", "SIGIO", "CLD"].map(parseSignal)).toEqual([
    9, 9, 9, 15, 28, 29, 17,
  ]);
  expect(() => parseSignal("NOPE")).toThrow(/unknown signal "NOPE"/);
});

test("sizes with units", () => {
  const sizes = ["1024", "64m", "1.5g", "2KiB", "-1"];
  expect(sizes.map((text) => parseBytes(text, "memory"))).toEqual([
    1024,
    64 * 1024 ** 2,
    1.5 * 1024 ** 3,
    2048,
    -1,
  ]);
  expect(() => parseBytes("many", "memory")).toThrow(/invalid value for memory/);
});

test("--cgroup with and without controllers", () => {
  expect(subCgroups([])).toBeUndefined();
  expect(subCgroups(["a/b"])).toEqual({ "": "a/b" });
  expect(subCgroups(["cpu,memory:x", "pids:y"])).toEqual({ cpu: "x", memory: "x", pids: "y" });
  expect(() => subCgroups(["a", "cpu:x"])).toThrow(/missing <controller>: prefix/);
  expect(() => subCgroups(["a:b:c"])).toThrow(/invalid --cgroup argument: a:b:c/);
});
