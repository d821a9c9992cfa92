import { measureSeeing, renderSeeing } from "./seeing_cost.ts";

/** `npm run bench -- seeing`: what monitoring and tracing cost. */
async function main(): Promise<void> {
  console.log(renderSeeing(await measureSeeing()));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
