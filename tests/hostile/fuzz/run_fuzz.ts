import { PROCESS_SHAPE, SPEC_SHAPE } from "#stack/runc/spec/spec_schema.ts";
import { Random } from "../../lib/random.ts";
import { runtimeConfig } from "../../lib/runtime_bundle.ts";
import { mutateDocument } from "./mutate_document.ts";
import { badRefusal, planOfConfig, planOfProcess } from "./plan_documents.ts";

export interface FuzzResult {
  planned: number;
  refused: number;
  /** What went wrong, each with the seed that repeats it. At most a few. */
  failures: string[];
}

/** A document of a few kilobytes takes well under a millisecond; this is a hang. */
const SLOW_MS = 2_000;
const MAX_FAILURES = 5;
/** One document in so many has its profile compiled: that takes as long as all the rest of it. */
const SECCOMP_EVERY = 20;

const BASE = {
  ...runtimeConfig("/c1", { args: ["sh"] }),
  hooks: { createRuntime: [{ path: "/bin/true" }] },
  annotations: { a: "b" },
};
Object.assign(BASE.linux, {
  seccomp: {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [{ names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  },
  devices: [{ path: "/dev/x", type: "c", major: 1, minor: 3 }],
  sysctl: { "net.ipv4.ip_forward": "1" },
});

/** Plans documents made of `count` seeds from `first` on; odd ones are an exec's process. */
export function fuzzPlans(first: number, count: number): FuzzResult {
  const result: FuzzResult = { planned: 0, refused: 0, failures: [] };
  for (let seed = first; seed < first + count; seed++) {
    const began = performance.now();
    const failure = tryDocument(seed, result);
    if (failure !== undefined) result.failures.push(`CATENA_SEED=${seed}: ${failure}`);
    const took = performance.now() - began;
    if (took > SLOW_MS) result.failures.push(`CATENA_SEED=${seed}: took ${Math.round(took)} ms`);
    if (result.failures.length >= MAX_FAILURES) break;
  }
  return result;
}

function tryDocument(seed: number, result: FuzzResult): string | undefined {
  const random = new Random(seed);
  const isProcess = seed % 2 === 1;
  const text = JSON.stringify(
    isProcess
      ? mutateDocument(BASE.process, PROCESS_SHAPE, random)
      : mutateDocument(BASE, SPEC_SHAPE, random),
  );
  try {
    if (isProcess) planOfProcess(text);
    else planOfConfig(text, seed % SECCOMP_EVERY === 0);
    result.planned++;
    return undefined;
  } catch (error) {
    result.refused++;
    const bad = badRefusal(error);
    return bad === undefined ? undefined : `${bad}\n${text}`;
  }
}
