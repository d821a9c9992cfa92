import { describe, expect, test } from "bun:test";
import { buildProgram } from "../program/build_program.ts";
import { completeWords, type NameSource } from "./complete_words.ts";

const NAMES: Record<string, string[]> = {
  container: ["web", "worker", "db"],
  image: ["busybox:demo", "registry:5000/app:1"],
  trace: ["aa11", "bb22"],
  failure: ["x7k2"],
};
const names: NameSource = (kind) => Promise.resolve(NAMES[kind] ?? []);

async function complete(line: string) {
  const { candidates, files } = await completeWords(buildProgram(), line.split(" "), names);
  return { values: candidates.map(({ value }) => value), files };
}

describe("completing", () => {
  const cases: [line: string, values: string[], files?: boolean][] = [
    ["ex", ["exec", "explain"]],
    ["exec w", ["web", "worker"]],
    ["exec --via ", ["dockerd", "containerd", "shim", "runc"]],
    ["exec --via=ru", ["--via=runc"]],
    ["exec --via runc d", ["db"]],
    ["exec web ", [], true],
    ["exec web ls -", [], true],
    ["logs -f web ", []],
    ["rm web d", ["db"]],
    ["run busy", ["busybox:demo"]],
    ["run --name x regis", ["registry:5000/app:1"]],
    ["run --state ", [], true],
    ["run busybox:demo ", [], true],
    ["trace --compare a", ["aa11"]],
    ["trace b", ["bb22"]],
    ["explain ", ["x7k2"]],
    ["plan ", [], true],
    ["plan --d", ["--diff", "--dry-run"]],
    ["doctor d", ["db"]],
    ["system ", ["reset"]],
    ["system reset --f", ["--force"]],
    ["completion ", ["bash", "zsh", "fish"]],
    ["dockershim --cni-c", ["--cni-conf-dir"]],
    ["kubelet --man", ["--manifests"]],
    ["dockershim --docker ", [], true],
    ["nonsense x", []],
    ["exec --nonsense=", []],
  ];
  for (const [line, values, files = false] of cases) {
    test(`catena ${line}`, async () => {
      expect(await complete(line)).toEqual({ values, files });
    });
  }

  test("hidden commands are not offered, and all others are, each with its flags", async () => {
    const { values } = await complete("");
    expect(values).not.toContain("__complete");
    expect(values.length).toBeGreaterThan(20);
    for (const command of values) {
      if (command === "help" || command === "system") continue;
      expect([command, (await complete(`${command} --`)).values.length]).not.toEqual([command, 0]);
    }
  });
});
