import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { parsePlatform } from "#lib/registry/platform.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { invalid } from "../refusals.ts";
import { fetchBase } from "./build_base.ts";
import { type Build, BuildStage } from "./build_stage.ts";
import { checkInstruction } from "./check_instructions.ts";
import { type Dockerfile, type Instruction, parseTrigger, type Stage } from "./dockerfile.ts";
import { quoted } from "./instruction_args.ts";
import { expandWord, expandWords, variablesOf } from "./shell_words.ts";
import { CONFIG_STEPS, type Expander, readArgs } from "./step_config.ts";
import { copyStep, workdirStep } from "./step_copy.ts";
import { removeContainers, runStep } from "./step_run.ts";

const shortId = (image: LoadedImage | undefined) =>
  (image?.id ?? "").replace("sha256:", "").slice(0, 12);

/** Goes through a Dockerfile and returns the image of its last stage, or of the target's. */
export async function runBuild(build: Build, dockerfile: Dockerfile): Promise<LoadedImage> {
  const stages = wantedStages(dockerfile.stages, build.options.target);
  addLabels(stages.at(-1)!, build.options.labels);
  if (dockerfile.gaps.length > 0) warnOfGaps(build, dockerfile.gaps);
  const total =
    dockerfile.globals.length + stages.reduce((sum, { steps }) => sum + 1 + steps.length, 0);
  const counter = { step: 0, total };
  for (const item of dockerfile.globals) declareGlobal(build, item, counter);
  let image: LoadedImage | undefined;
  for (const stage of stages) {
    image = await runStage(build, stage, counter);
    if (image) build.feed.tell({ aux: { ID: image.id } });
    build.stages.push({ name: stage.name, image });
  }
  const unused = build.args.unused();
  if (unused.length > 0) {
    const names = unused.join(" ");
    build.feed.tell({ stream: `[Warning] One or more build-args [${names}] were not consumed\n` });
  }
  if (!image) throw invalid("build", "No image was generated. Is your Dockerfile empty?");
  return image;
}

function warnOfGaps(build: Build, gaps: readonly string[]): void {
  const found = gaps.map((source) => `    ${source}\n`).join("");
  build.feed.tell({
    stream:
      `\u001b[91m[WARNING]: Empty continuation line found in:\n${found}` +
      "[WARNING]: Empty continuation lines will become errors in a future release.\n\u001b[0m",
  });
}

function wantedStages(stages: Stage[], target: string): Stage[] {
  const names = new Set<string>();
  for (const { name } of stages) {
    if (name !== "" && names.has(name)) {
      throw invalid("build", `${name} stage name already used`);
    }
    names.add(name);
  }
  if (target === "") return stages;
  const named = stages.findIndex(({ name }) => name === target.toLowerCase());
  const at = named < 0 && /^[0-9]+$/.test(target) ? Number(target) : named;
  if (at >= 0 && at < stages.length) return stages.slice(0, at + 1);
  throw invalid("build", `failed to reach build target ${target} in Dockerfile`);
}

/** `--label` is a step of its own at the end of the last stage. */
function addLabels(stage: Stage, labels: Record<string, string>): void {
  for (const [key, value] of Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
    // Quoted, and with dollars escaped: the value is what the client wrote.
    const text = quoted(value).replaceAll("$", "\\$");
    const rest = `${quoted(key)}=${text}`;
    stage.steps.push({ keyword: "LABEL", rest, source: `LABEL ${key}=${value}`, line: 0 });
  }
}

interface StepCounter {
  step: number;
  total: number;
}

function printStep(build: Build, { source }: Instruction, counter: StepCounter): void {
  counter.step++;
  build.feed.tell({ stream: `Step ${counter.step}/${counter.total} : ${source}\n` });
}

function declareGlobal(build: Build, item: Instruction, counter: StepCounter): void {
  printStep(build, item, counter);
  const known = variablesOf(build.args.globals());
  for (const [name, value] of readArgs(item, build.escapeChar)) {
    const own = value === undefined ? undefined : expandWord(value, known, build.escapeChar);
    build.args.declareGlobal(name, own);
  }
}

async function runStage(
  build: Build,
  stage: Stage,
  counter: StepCounter,
): Promise<LoadedImage | undefined> {
  printStep(build, stage.from, counter);
  build.args.beginStage();
  const base = await baseOf(build, stage);
  const state = new BuildStage(build, base);
  const triggers = base?.config.config?.OnBuild ?? [];
  if (triggers.length > 0) await runTriggers(state, triggers);
  state.tell(` ---> ${shortId(state.image)}\n`);
  for (const step of stage.steps) {
    checkAborted(build);
    printStep(build, step, counter);
    await performStep(state, step);
    state.tell(` ---> ${shortId(state.image)}\n`);
  }
  return state.image;
}

async function runTriggers(state: BuildStage, triggers: readonly string[]): Promise<void> {
  const many = triggers.length > 1 ? "s" : "";
  state.tell(`# Executing ${triggers.length} build trigger${many}\n`);
  for (const text of triggers) {
    const step = parseTrigger(text);
    checkInstruction(step, state.build.escapeChar);
    await performStep(state, step);
  }
}

function checkAborted({ signal }: Build): void {
  if (!signal.aborted) return;
  throw failure({ layer: "dockerd", op: "build", code: "cancelled", message: "Build cancelled" });
}

/** One step, then the containers that it ran in go. */
async function performStep(state: BuildStage, step: Instruction): Promise<void> {
  const { options } = state.build;
  let done = false;
  try {
    await dispatch(state, step);
    done = true;
  } finally {
    const removes = options.forceRemove || (options.remove && done);
    if (removes) await removeContainers(state.build, true);
    else state.build.containers.length = 0;
  }
}

async function dispatch(state: BuildStage, step: Instruction): Promise<void> {
  const { build, config } = state;
  const known = variablesOf([...(config.Env ?? []), ...build.args.allowed(config.Env ?? [])]);
  const expand: Expander = {
    word: (text) => expandWord(text, known, build.escapeChar),
    words: (text) => expandWords(text, known, build.escapeChar),
  };
  switch (step.keyword) {
    case "RUN":
      return runStep(state, step);
    case "COPY":
    case "ADD":
      return copyStep(state, step, expand, (name) => imageNamed(build, name));
    case "WORKDIR":
      return workdirStep(state, step, expand);
    default:
      await state.commitNote(CONFIG_STEPS[step.keyword]!(state, step, expand));
  }
}

/** What a stage begins with: an earlier stage, an image, or nothing. */
async function baseOf(build: Build, { image, platform }: Stage): Promise<LoadedImage | undefined> {
  const known = variablesOf(build.args.globals());
  const name = expandWord(image, known, build.escapeChar);
  if (name === "") throw invalid("build", `base name (${image}) should not be blank`);
  const earlier = build.stages.find((stage) => stage.name === name.toLowerCase() && name !== "");
  if (earlier) return earlier.image;
  if (name === "scratch") return undefined;
  const wanted = expandWord(platform, known, build.escapeChar) || build.options.platform;
  if (wanted !== "") checkPlatform(wanted);
  return fetchBase(build, name, wanted, build.options.pull);
}

function checkPlatform(wanted: string): void {
  try {
    parsePlatform(wanted);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "build");
    const message = `failed to parse platform ${wanted}`;
    throw error.wrap({ layer: "dockerd", op: "build", code: error.outer.code, message });
  }
}

/** What `COPY --from` names: a stage by name or number, else an image. */
async function imageNamed(build: Build, name: string): Promise<LoadedImage | undefined> {
  const stage = build.stages.find((item) => item.name === name.toLowerCase());
  if (stage) return stage.image;
  const refuse = (reason: string) => invalid("build", `invalid from flag value ${name}: ${reason}`);
  if (/^[0-9]+$/.test(name)) {
    const at = Number(name);
    if (at === build.stages.length) throw refuse("refers to current build stage");
    if (at > build.stages.length) throw refuse("index out of bounds");
    return build.stages[at]!.image;
  }
  try {
    return await fetchBase(build, name, build.options.platform, false);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "build");
    const message = `invalid from flag value ${name}`;
    throw error.wrap({ layer: "dockerd", op: "build", code: error.outer.code, message });
  }
}
