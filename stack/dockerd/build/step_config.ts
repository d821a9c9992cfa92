import { posix } from "node:path";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import { invalid } from "../refusals.ts";
import { parseSignal } from "../signals.ts";
import type { BuildStage } from "./build_stage.ts";
import type { Instruction } from "./dockerfile.ts";
import { jsonForm, listForm, quotedList, readPairs, syntaxFault } from "./instruction_args.ts";
import { setHealthcheck } from "./step_health.ts";

/** Expands variables of one word, or into several. */
export interface Expander {
  word(text: string): string;
  words(text: string): string[];
}

/**
 * An instruction that changes the configuration alone. Returns what the image's history says of it.
 */
export type ConfigStep = (stage: BuildStage, instruction: Instruction, expand: Expander) => string;

/** By keyword. */
export const CONFIG_STEPS: Record<string, ConfigStep> = {
  MAINTAINER: (stage, { rest }) => {
    stage.author = rest;
    return `MAINTAINER ${rest}`;
  },
  ENV: (stage, instruction, expand) => {
    const pairs = expandPairs(readPairs(instruction, stage.build.escapeChar), expand);
    for (const [name, value] of pairs) setVariable(stage.config, name, value);
    return pairText("ENV", pairs);
  },
  LABEL: (stage, instruction, expand) => {
    const pairs = expandPairs(readPairs(instruction, stage.build.escapeChar), expand);
    stage.config.Labels = { ...stage.config.Labels, ...Object.fromEntries(pairs) };
    return pairText("LABEL", pairs);
  },
  ARG: declareArgs,
  CMD: (stage, { rest }) => {
    const cmd = commandLine(stage, rest);
    stage.config.Cmd = cmd;
    if (cmd.length > 0) stage.cmdSet = true;
    return `CMD ${quotedList(cmd)}`;
  },
  ENTRYPOINT: (stage, { rest }) => {
    stage.config.Entrypoint = rest === "" ? [] : commandLine(stage, rest);
    if (!stage.cmdSet) stage.config.Cmd = null;
    return `ENTRYPOINT ${quotedList(stage.config.Entrypoint)}`;
  },
  SHELL: (stage, instruction) => {
    const shell = jsonForm(instruction.rest) ?? [];
    stage.config.Shell = shell;
    return `SHELL [${shell.join(" ")}]`;
  },
  USER: (stage, { rest }, expand) => {
    stage.config.User = expand.word(rest);
    return `USER ${stage.config.User}`;
  },
  STOPSIGNAL: (stage, { rest }, expand) => {
    const signal = expand.word(rest);
    // Any number will do, as for dockerd: which signals there are is the container's own affair.
    if (!/^[1-9][0-9]{0,8}$/.test(signal)) parseSignal(signal);
    stage.config.StopSignal = signal;
    return `STOPSIGNAL ${signal}`;
  },
  EXPOSE: exposePorts,
  VOLUME: (stage, instruction, expand) => {
    const paths = listForm(instruction.rest).map((path) => expand.word(path).trim());
    if (paths.includes("")) {
      throw syntaxFault(instruction, "VOLUME specified can not be an empty string");
    }
    stage.config.Volumes = { ...stage.config.Volumes };
    for (const path of paths) stage.config.Volumes[path] = {};
    return `VOLUME [${paths.join(" ")}]`;
  },
  HEALTHCHECK: setHealthcheck,
  ONBUILD: (stage, { rest }) => {
    stage.config.OnBuild = [...(stage.config.OnBuild ?? []), rest];
    return `ONBUILD ${rest}`;
  },
};

/** A JSON array as it is, anything else through the stage's shell. */
export function commandLine(stage: BuildStage, rest: string): string[] {
  return jsonForm(rest) ?? [...stage.shell, ...(rest === "" ? [] : [rest])];
}

const expandPairs = (pairs: [string, string][], expand: Expander) =>
  pairs.map(([name, value]): [string, string] => [expand.word(name), expand.word(value)]);

const pairText = (keyword: string, pairs: [string, string][]) =>
  [keyword, ...pairs.map(([name, value]) => `${name}=${value}`)].join(" ");

/** A variable that is known keeps its place. */
function setVariable(config: ContainerConfig, name: string, value: string): void {
  const entries = [...(config.Env ?? [])];
  const at = entries.findIndex((entry) => entry.split("=", 1)[0] === name);
  if (at < 0) entries.push(`${name}=${value}`);
  else entries[at] = `${name}=${value}`;
  config.Env = entries;
}

function declareArgs(stage: BuildStage, instruction: Instruction, expand: Expander): string {
  const texts: string[] = [];
  for (const [name, value] of readArgs(instruction, stage.build.escapeChar)) {
    const own = value === undefined ? undefined : expand.word(value);
    const shown = expand.word(name);
    stage.build.args.declare(shown, own);
    texts.push(own === undefined ? shown : `${shown}=${own}`);
  }
  return `ARG ${texts.join(" ")}`;
}

/** NAME and NAME=default, unexpanded. */
export function readArgs(
  instruction: Instruction,
  escapeChar: string,
): [string, string | undefined][] {
  const words = instruction.rest.includes("=")
    ? readPairs({ ...instruction, rest: withSigns(instruction.rest) }, escapeChar)
    : instruction.rest.split(/\s+/).map((name): [string, string] => [name, NO_VALUE]);
  return words.map(([name, value]) => [name, value === NO_VALUE ? undefined : value]);
}

/** Stands for "no default": no Dockerfile can hold it. */
const NO_VALUE = "\0";

/** Gives words without a sign one, so that all can be read as pairs. */
function withSigns(rest: string): string {
  return rest.replace(/(^|\s)([A-Za-z_]\w*)(?=\s|$)/g, `$1$2=${NO_VALUE}`);
}

function exposePorts(stage: BuildStage, instruction: Instruction, expand: Expander): string {
  const ports = listForm(instruction.rest)
    .sort()
    .flatMap((word) => expand.words(word));
  stage.config.ExposedPorts = { ...stage.config.ExposedPorts };
  for (const port of ports) {
    for (const one of portRange(port)) stage.config.ExposedPorts[one] = {};
  }
  return `EXPOSE ${ports.join(" ")}`;
}

/** `80`, `80-90/udp`: each port with its protocol. */
function portRange(text: string): string[] {
  const match = /^(?:.*:)?([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/([a-z]+))?$/i.exec(text);
  const [, first = "", last = first, protocol = "tcp"] = match ?? [];
  const from = Number(first);
  const to = Number(last);
  const known = ["tcp", "udp", "sctp"].includes(protocol.toLowerCase());
  if (!match || from > to || to > 65535) {
    throw invalid("build", `Invalid containerPort: ${text}`);
  }
  if (!known) throw invalid("build", `Invalid proto: ${protocol}`);
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}/${protocol.toLowerCase()}`);
}

/** Where WORKDIR leads from the folder before. */
export function nextFolder(before: string | null | undefined, wanted: string): string {
  if (wanted === "") throw invalid("build", "cannot normalize nothing");
  return posix.resolve("/", before ?? "", wanted);
}
