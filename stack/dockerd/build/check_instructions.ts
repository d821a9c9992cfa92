import type { Instruction, Stage } from "./dockerfile.ts";
import {
  BUILDKIT_FLAGS,
  jsonForm,
  listForm,
  readPairs,
  syntaxFault,
  takeFlags,
} from "./instruction_args.ts";
import { readHealthcheck } from "./step_health.ts";

/**
 * Looks at the form of every instruction before the first is performed: a Dockerfile with a slip in
 * its last line does nothing at all, as with genuine dockerd and in its words.
 */
export function checkInstructions(stages: readonly Stage[], escapeChar: string): void {
  for (const { steps } of stages) {
    for (const step of steps) checkInstruction(step, escapeChar);
  }
}

/** Throws when one instruction's arguments have not the form that it wants. */
export function checkInstruction(instruction: Instruction, escapeChar: string): void {
  const { keyword, rest } = instruction;
  if (rest === "" && ONE_ARGUMENT.has(keyword)) {
    throw syntaxFault(instruction, `${keyword} requires exactly one argument`);
  }
  if (rest === "" && SOME_ARGUMENT.has(keyword)) throw noArgument(instruction);
  switch (keyword) {
    case "ENV":
    case "LABEL":
      readPairs(instruction, escapeChar);
      return;
    case "ARG":
      if (/(^|\s)=/.test(rest)) throw syntaxFault(instruction, "ARG names can not be blank");
      return;
    case "RUN":
      takeFlags(instruction, BUILDKIT_FLAGS);
      return;
    case "ADD":
    case "COPY":
      checkCopy(instruction);
      return;
    case "HEALTHCHECK":
      readHealthcheck(instruction);
      return;
    case "VOLUME":
      checkVolumes(instruction);
      return;
    case "SHELL":
      checkShell(instruction);
      return;
    case "ONBUILD":
      checkTrigger(instruction);
      return;
    default:
  }
}

const ONE_ARGUMENT = new Set(["MAINTAINER", "WORKDIR", "USER", "STOPSIGNAL"]);
const SOME_ARGUMENT = new Set(["ENV", "LABEL", "ARG", "EXPOSE", "ONBUILD", "VOLUME", "SHELL"]);

const noArgument = (instruction: Instruction) =>
  syntaxFault(instruction, `${instruction.keyword} requires at least one argument`);

function checkCopy(instruction: Instruction): void {
  const { keyword } = instruction;
  const own = keyword === "COPY" ? ["from", "chown"] : ["chown"];
  const { rest } = takeFlags(instruction, [...own, ...BUILDKIT_FLAGS]);
  if (listForm(rest).length >= 2) return;
  throw syntaxFault(
    instruction,
    `${keyword} requires at least two arguments, but only one was provided. Destination could ` +
      "not be determined",
  );
}

/** Whether there is such an instruction is seen when it is triggered. */
function checkTrigger(instruction: Instruction): void {
  const keyword = instruction.rest.split(/\s/, 1)[0]!.toUpperCase();
  if (keyword === "ONBUILD") {
    throw syntaxFault(instruction, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (keyword === "FROM" || keyword === "MAINTAINER") {
    throw syntaxFault(instruction, `${keyword} isn't allowed as an ONBUILD trigger`);
  }
}

function checkVolumes(instruction: Instruction): void {
  const paths = listForm(instruction.rest);
  if (paths.length === 0) throw noArgument(instruction);
  if (paths.some((path) => path.trim() === "")) {
    throw syntaxFault(instruction, "VOLUME specified can not be an empty string");
  }
}

function checkShell(instruction: Instruction): void {
  const shell = jsonForm(instruction.rest);
  if (!shell) throw syntaxFault(instruction, "SHELL requires the arguments to be in JSON form");
  if (shell.length === 0) throw noArgument(instruction);
}
