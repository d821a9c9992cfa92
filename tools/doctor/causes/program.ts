import type { Evidence } from "#lib/errors/frame.ts";
import type { Facts, ProgramFacts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { dockerCommand, lastExec, nameOf } from "./words.ts";

/** The program that could not be started: of a failed exec, of a failed start, or asked about. */
function subject(facts: Facts): ProgramFacts | undefined {
  const exec = lastExec(facts);
  const failed = exec !== undefined && !exec.running && exec.exitCode !== 0;
  return facts.asked ?? (failed ? exec.program : undefined) ?? facts.startProgram;
}

function programRule(
  id: string,
  title: string,
  link: string,
  judge: (program: ProgramFacts, facts: Facts) => Omit<Proof, "marks"> | undefined,
): CauseRule {
  return {
    id,
    title,
    link,
    needs: [],
    proves(facts) {
      const program = subject(facts);
      const proof = program ? judge(program, facts) : undefined;
      return proof ? { ...proof, marks: { container: "fails" } } : undefined;
    },
    refutes(facts) {
      const program = subject(facts);
      if (!program) return undefined;
      return judge(program, facts) ? undefined : `it is not so for ${program.argv.join(" ")}`;
    },
  };
}

function at(program: ProgramFacts): string {
  return program.rootfs + (program.found?.path ?? program.searched[0] ?? "");
}

function fileEvidence(program: ProgramFacts, value: string): Evidence[] {
  return [{ kind: "path", value, ref: at(program) }];
}

export const execNotFound = programRule(
  "exec-not-found",
  "the program is not in the image",
  "image",
  (program, facts) => {
    const name = program.argv[0] ?? "";
    if (program.found || name === "") return undefined;
    const where = name.includes("/") ? "" : ` in ${program.searched.map(folderOf).join(":")}`;
    return {
      confidence: "certain",
      sentence: `there is no ${name}${where} in the container`,
      evidence: program.searched.map((path) => ({
        kind: "path" as const,
        value: "missing",
        ref: program.rootfs + path,
      })),
      fix: [
        `${dockerCommand(facts)} exec -it ${nameOf(facts)} sh  # most images have sh`,
        "# or add the program to the image, or use a debug image in its namespaces",
      ],
      verify: [`ls ${program.rootfs}/bin`],
    };
  },
);

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export const execNotExecutable = programRule(
  "exec-not-executable",
  "the program may not be executed",
  "image",
  (program) => {
    const { found } = program;
    if (!found) return undefined;
    if (!found.isFolder && (found.mode & 0o111) !== 0) return undefined;
    const mode = `0${found.mode.toString(8)}`;
    const what = found.isFolder ? "is a folder" : `has mode ${mode}: nobody may execute it`;
    return {
      confidence: "certain",
      sentence: `${found.path} ${what}`,
      evidence: fileEvidence(program, found.isFolder ? "a folder" : `mode ${mode}`),
      fix: found.isFolder ? ["# name a program in it"] : [`chmod +x ${at(program)}`],
      verify: [`stat ${at(program)}`],
    };
  },
);

export const execFormat = programRule(
  "exec-format",
  "the kernel cannot execute the program's format",
  "kernel",
  (program) => {
    const { found, machine, interpreter } = program;
    if (!found || found.isFolder || (found.mode & 0o111) === 0) return undefined;
    const magic = found.head.subarray(0, 4).toString("latin1");
    const shown = found.head.subarray(0, 8).toString("hex");
    if (magic === "\x7fELF") {
      if (machine && machine.file === machine.host) return undefined;
      const built = machine
        ? `built for ${machine.file}, this host is ${machine.host}`
        : "broken ELF";
      return formatProof(program, `${found.path} is ${built}`, `e_machine ${machine?.file ?? "?"}`);
    }
    if (magic.startsWith("#!") && interpreter) return undefined;
    const empty = found.head.length === 0;
    const what = empty ? "is empty" : "is neither ELF nor a script with #!";
    return formatProof(program, `${found.path} ${what}`, `first bytes ${shown || "none"}`);
  },
);

function formatProof(program: ProgramFacts, sentence: string, seen: string) {
  return {
    confidence: "certain" as const,
    sentence,
    evidence: fileEvidence(program, seen),
    fix: ["# use an image for this processor, or give a script its #! line"],
    verify: [`file ${at(program)}`],
  };
}

export const badInterpreter = programRule(
  "bad-interpreter",
  "the program's interpreter is missing",
  "kernel",
  (program) => {
    const { found, interpreter } = program;
    if (!found || !interpreter || interpreter.exists) return undefined;
    const windows = interpreter.name.endsWith("\r");
    const name = interpreter.name.replace("\r", "\\r");
    const why = windows ? " (the line ends with a carriage return: a Windows file)" : "";
    return {
      confidence: "certain",
      sentence: `${found.path} is there, but its interpreter ${name} is not${why}`,
      evidence: fileEvidence(program, `asks for ${name}`),
      fix: windows
        ? [`sed -i 's/\\r$//' ${at(program)}`]
        : [`# install ${name} in the image, or build the program statically`],
      verify: [`head -c 64 ${at(program)}`],
    };
  },
);

export const cwdMissing = programRule(
  "cwd-missing",
  "the working folder is not there",
  "runc init",
  (program) => {
    if (program.cwdKind !== "missing" && program.cwdKind !== "other") return undefined;
    const what = program.cwdKind === "missing" ? "is missing" : "is no folder";
    return {
      confidence: "certain",
      sentence: `the working folder ${program.cwd} ${what} in the container`,
      evidence: [{ kind: "path", value: what, ref: `${program.rootfs}${program.cwd}` }],
      fix: ["# use -w with a folder that is there, or make it: mkdir -p in the image (WORKDIR)"],
      verify: [`ls -d ${program.rootfs}${program.cwd}`],
    };
  },
);

export const userUnknown = programRule(
  "user-unknown",
  "the user or group is not in the image's passwd or group file",
  "dockerd",
  (program) => {
    if (program.userKnown) return undefined;
    return {
      confidence: "certain",
      sentence: `the image's /etc/passwd or /etc/group has no ${program.user}`,
      evidence: [
        { kind: "path", value: `no entry ${program.user}`, ref: `${program.rootfs}/etc/passwd` },
      ],
      fix: ["# use a numeric id (-u 1000), or add the user to the image"],
      verify: [`grep '^${program.user.split(":")[0]}:' ${program.rootfs}/etc/passwd`],
    };
  },
);
