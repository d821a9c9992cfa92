import type { HealthConfig } from "#wire/docker-api/types/container_config.ts";
import type { BuildStage } from "./build_stage.ts";
import type { Instruction } from "./dockerfile.ts";
import {
  durationText,
  jsonForm,
  parseDuration,
  quoted,
  quotedList,
  syntaxFault,
  takeFlags,
} from "./instruction_args.ts";

/** HEALTHCHECK: sets the probe of the image's containers. Returns what the history says of it. */
export function setHealthcheck(stage: BuildStage, instruction: Instruction): string {
  const before = stage.config.Healthcheck?.Test ?? [];
  if (before.length > 0 && before[0] !== "NONE") {
    stage.tell(`Note: overriding previous HEALTHCHECK: [${before.join(" ")}]\n`);
  }
  const health = readHealthcheck(instruction);
  // What it leaves open is as before, for the genuine builder too.
  stage.config.Healthcheck = { ...stage.config.Healthcheck, ...health };
  return `HEALTHCHECK ${healthText(health)}`;
}

/** What HEALTHCHECK asks for. Throws when it is malformed. */
export function readHealthcheck(instruction: Instruction): HealthConfig {
  const known = ["interval", "timeout", "start-period", "retries"];
  const { flags, rest } = takeFlags(instruction, known);
  const [, kind = "", args = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (kind === "") throw syntaxFault(instruction, "HEALTHCHECK requires at least one argument");
  const health: HealthConfig = { Test: healthTest(instruction, kind.toUpperCase(), args) };
  const time = (name: string) => healthTime(instruction, name, flags.get(name));
  Object.assign(health, nonZero({ Interval: time("interval"), Timeout: time("timeout") }));
  Object.assign(health, nonZero({ StartPeriod: time("start-period") }));
  const retries = flags.get("retries");
  if (retries !== undefined) {
    if (!/^[1-9][0-9]{0,8}$/.test(retries)) {
      throw syntaxFault(instruction, `--retries must be at least 1 (not ${retries})`);
    }
    health.Retries = Number(retries);
  }
  return health;
}

const nonZero = (values: Record<string, number>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0));

function healthTest(instruction: Instruction, kind: string, args: string): string[] {
  if (kind === "NONE") {
    if (args !== "") throw syntaxFault(instruction, "HEALTHCHECK NONE takes no arguments");
    return ["NONE"];
  }
  if (kind !== "CMD") {
    const reason = `Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`;
    throw syntaxFault(instruction, reason);
  }
  if (args === "") throw syntaxFault(instruction, "Missing command after HEALTHCHECK CMD");
  const list = jsonForm(args);
  return list ? ["CMD", ...list] : ["CMD-SHELL", args];
}

function healthTime(instruction: Instruction, name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const ns = parseDuration(text);
  if (ns === undefined) {
    throw syntaxFault(instruction, `time: invalid duration ${JSON.stringify(text)}`);
  }
  if (ns < 1e6) {
    throw syntaxFault(instruction, `Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  }
  return ns;
}

/** As Go prints the structure: that is what histories of genuine builds hold. */
function healthText({ Test, Interval, Timeout, StartPeriod, Retries }: HealthConfig): string {
  const times = [Interval, Timeout, StartPeriod].map((ns) => quoted(durationText(ns ?? 0)));
  const retries = (Retries ?? 0).toString(16).padStart(2, "0");
  return `&{${quotedList(Test)} ${times.join(" ")} '\\x${retries}'}`;
}
