import { Glob } from "bun";

export interface Lane {
  /** The machine's PID 1, as a path in the machine. */
  init: string;
  /** The processor of the machine. */
  arch: "x64" | "arm64";
  /** The test files that the lane runs, relative to the repository. */
  files: (repository: string) => string[];
}

/** In the order of the patterns; what two of them match counts once, at the first. */
function filesOf(...patterns: string[]): Lane["files"] {
  return (repository) => [
    ...new Set(
      patterns.flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: repository })].sort()),
    ),
  ];
}

/** What each lane boots and runs. */
export const LANES: Record<string, Lane> = {
  v2: {
    init: "/lane/tests/lanes/guest/init_v2.sh",
    arch: "x64",
    files: filesOf(
      "tests/lanes/v2/machine.test.ts",
      "tests/lanes/v2/*.test.ts",
      "tests/swap/*.test.ts",
      "tests/survival/killed.test.ts",
    ),
  },
  systemd: {
    init: "/lane/tests/lanes/guest/init_systemd.sh",
    arch: "x64",
    files: filesOf("tests/lanes/systemd/machine.test.ts", "tests/lanes/systemd/*.test.ts"),
  },
  // The runtime alone: the machine has no daemons, and is the slowest of all.
  arm64: {
    init: "/lane/tests/lanes/guest/init_v2.sh",
    arch: "arm64",
    files: filesOf(
      "tests/arm64/machine.test.ts",
      "tests/lanes/v2/processes.test.ts",
      "tests/lanes/v2/conformance_*.test.ts",
    ),
  },
};
