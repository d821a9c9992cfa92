import { fuzzPlans } from "./run_fuzz.ts";

/** `npm run fuzz [COUNT]`: CATENA_SEED says where to begin. */
function main(argv: string[]): number {
  const count = Number(argv[0] ?? 100_000);
  const first = Number(process.env["CATENA_SEED"] ?? Date.now() >>> 0);
  const { planned, refused, failures } = fuzzPlans(first, count);
  for (const failure of failures) console.log(failure);
  console.log(`from seed ${first}: ${planned} planned, ${refused} refused by their JSON path`);
  return failures.length === 0 ? 0 : 1;
}

process.exit(main(process.argv.slice(2)));
