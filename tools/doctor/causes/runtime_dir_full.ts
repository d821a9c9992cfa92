import type { CauseRule } from "./cause.ts";

/** Less than this is full for a runtime that writes a spec of some kilobytes. */
const FULL_BYTES = 16 * 1024;

export const runtimeDirFull: CauseRule = {
  id: "runtime-dir-full",
  title: "the folder for the runtime's temporary files is full",
  link: "shim",
  needs: ["shim"],
  proves(facts) {
    const temporary = facts.shim?.temporary;
    if (!temporary) return undefined;
    const { fill, path } = temporary;
    const noBlocks = fill.blocks > 0 && fill.blocksFree * fill.blockSize < FULL_BYTES;
    const noInodes = fill.inodes > 0 && fill.inodesFree < 2;
    if (!noBlocks && !noInodes) return undefined;
    const what = noBlocks
      ? `${fill.blocksFree * fill.blockSize} bytes`
      : `${fill.inodesFree} inodes`;
    return {
      confidence: "certain",
      sentence: `${path}, where the shim writes each exec's specification, has ${what} left`,
      evidence: [
        { kind: "path", value: `statfs: ${what} free`, ref: path },
        {
          kind: "path",
          value: "its XDG_RUNTIME_DIR or TMPDIR",
          ref: `/proc/${facts.shim?.pid}/environ`,
        },
      ],
      fix: [`du -xh ${path} | sort -h | tail  # then remove what is large`],
      verify: [`df ${path}; df -i ${path}`],
      marks: { shim: "fails" },
    };
  },
  refutes({ shim }) {
    return shim?.temporary ? `${shim.temporary.path} has room` : undefined;
  },
};
