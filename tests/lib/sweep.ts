import { sweepSandboxes } from "./sandbox.ts";

/** Run by `npm test` before and after: removes what killed test processes left behind. */
sweepSandboxes().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
