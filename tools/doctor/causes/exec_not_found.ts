import { programRule } from "./program_rule.ts";
import { dockerCommand, nameOf } from "./words.ts";

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
