import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { runCommand } from "../lib/command.ts";
import type { FaultStack } from "./fault_stack.ts";
import { onGenuineStack } from "./on_genuine_stack.ts";

const LIMIT_MS = 120_000;
const PAGE = readFileSync(join(import.meta.dir, "..", "..", "docs", "doctor-json.md"), "utf8");

let stack: FaultStack;
const { reason, because } = onGenuineStack(LIMIT_MS, (started) => {
  stack = started;
});

type Json = Record<string, unknown>;

/** The rows of the first table behind a heading: field names with their types. */
function fieldsBehind(heading: string): Map<string, string> {
  const part = PAGE.slice(PAGE.indexOf(`\n${heading}\n`));
  const out = new Map<string, string>();
  for (const line of part.split("\n").slice(2)) {
    if (out.size > 0 && !line.startsWith("|")) break;
    const [names, type] = line.split("|").slice(1, 3);
    for (const [, name] of (names ?? "").matchAll(/`([a-zA-Z]+)`/g)) {
      out.set(name!, type!.trim());
    }
  }
  return out;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (!Array.isArray(value)) return typeof value;
  return value.length > 0 && typeof value[0] === "string" ? "array of strings" : "array";
}

/** Every field is documented, every documented field is there, and has the type that is told. */
function hold(object: Json, heading: string, optional: string[] = []): void {
  const fields = fieldsBehind(heading);
  expect(fields.size).toBeGreaterThan(2);
  expect(Object.keys(object).filter((key) => !fields.has(key))).toEqual([]);
  for (const [name, type] of fields) {
    if (optional.includes(name) && !(name in object)) continue;
    expect(object).toHaveProperty([name]);
    const found = typeOf(object[name]);
    const fits = type.includes(found) || (found === "array" && type.startsWith("array"));
    expect(`${name}: ${fits ? type : found}`).toBe(`${name}: ${type}`);
  }
}

function holdReport(report: Json): void {
  hold(report, "## One container");
  expect(report["schema"]).toBe("catena.doctor/1");
  for (const entry of report["chain"] as Json[]) {
    hold(entry, "### `chain[]`", ["latencyMs"]);
    expect(["cri", "dockerd", "containerd", "shim", "runc", "container"]).toContain(
      String(entry["link"]),
    );
    expect(PAGE).toContain(`\`${entry["mark"]}\``);
  }
  for (const entry of report["forecasts"] as Json[]) hold(entry, "### `forecasts[]`");
  for (const item of report["evidence"] as Json[]) {
    expect(PAGE).toContain(`\`${item["kind"]}\``);
    expect(typeof item["value"]).toBe("string");
  }
  for (const item of report["ruledOut"] as Json[]) {
    expect(Object.keys(item).sort()).toEqual(["because", "id"]);
  }
  const cause = report["cause"] as Json | null;
  if (cause) expect(Object.keys(cause).sort()).toEqual(["confidence", "id", "title"]);
  if (cause) expect(report["healthy"]).toBe(false);
}

async function doctor(...args: string[]): Promise<{ code: number; json: Json }> {
  const flags = ["--docker", stack.dockerSocket, "--containerd", stack.containerdSocket];
  const state = ["--state", stack.sandbox.path("doctor-state")];
  const result = await runCommand([
    binPath("catena"),
    "doctor",
    "--json",
    ...flags,
    ...state,
    ...args,
  ]);
  return { code: result.code, json: JSON.parse(result.stdout) as Json };
}

test.skipIf(reason !== undefined)(
  `reports and exit codes are as docs/doctor-json.md says${because}`,
  async () => {
    const well = await stack.run(["--pids-limit", "200"]);
    const leak = "while true; do sleep 1000 & sleep 0.2; done";
    const growing = await stack.run(["--pids-limit", "60"], ["sh", "-c", leak]);
    const ill = await stack.run([]);
    await stack.must("pause", ill);

    const first = await doctor(well);
    holdReport(first.json);
    expect(first.code).toBe(0);

    const second = await doctor(ill);
    holdReport(second.json);
    expect(second.code).toBe(1);
    expect((second.json["cause"] as Json)["id"]).toBe("paused");

    const third = await doctor("--forecast", "4", growing);
    holdReport(third.json);
    const [forecast] = third.json["forecasts"] as Json[];
    expect(forecast).toMatchObject({ what: "pids", limit: 60 });
    expect(forecast?.["fullInSeconds"]).toBeGreaterThan(1);
    expect(forecast?.["fullInSeconds"]).toBeLessThan(60);
    expect(String(third.json["warnings"])).toContain("the limit of 60 is reached in about");

    const all = await doctor();
    hold(all.json, "## A host", ["error"]);
    const reports = all.json["containers"] as Json[];
    expect(reports).toHaveLength(3);
    for (const report of reports) holdReport(report);
    expect(all.code).toBe(1);

    const none = await doctor("no-such-container");
    hold(none.json, "## A host");
    expect(none.code).toBe(3);
    await stack.must("unpause", ill);
  },
  LIMIT_MS,
);
