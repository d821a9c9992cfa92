import { EngineClient } from "../bench/engine_client.ts";
import { LASTING } from "./soak_clients.ts";
import type { Figures, SoakStack } from "./soak_stack.ts";

const LANES = 8;
/** The execs are looked at in tenths. */
const PARTS = 10;
/** Memory is looked at so many times in each part. */
const LOOKS = 25;

/** One tenth of the execs: the least memory seen in it, which is that right after a collection. */
export interface ExecPart extends Figures {
  execs: number;
  seconds: number;
}

/** Runs so many execs in the lasting container. Returns what the daemon held in each tenth. */
export async function soakExecs(
  stack: SoakStack,
  execs: number,
  told: (part: ExecPart) => void,
): Promise<ExecPart[]> {
  const parts: ExecPart[] = [];
  const perLook = Math.max(LANES, Math.round(execs / PARTS / LOOKS));
  for (let done = 0; parts.length < PARTS; ) {
    const began = performance.now();
    const seen: Figures[] = [];
    const first = done;
    for (let look = 0; look < LOOKS; look++) {
      await inLanes(stack.daemon.socket, perLook);
      done += perLook;
      seen.push(stack.figures());
    }
    const least = (key: keyof Figures) => Math.min(...seen.map((figures) => figures[key]));
    const part: ExecPart = {
      execs: done - first,
      seconds: (performance.now() - began) / 1_000,
      daemonMb: least("daemonMb"),
      daemonFds: least("daemonFds"),
      daemonThreads: least("daemonThreads"),
      shimMb: least("shimMb"),
      shimFds: least("shimFds"),
    };
    parts.push(part);
    told(part);
  }
  return parts;
}

/** Connections of their own each time, closed before a look: they are not the daemon's growth. */
async function inLanes(socket: string, count: number): Promise<void> {
  const clients = Array.from({ length: LANES }, () => new EngineClient(socket));
  let begun = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (begun++ < count) await client.exec(LASTING, ["true"]);
      client.close();
    }),
  );
}
