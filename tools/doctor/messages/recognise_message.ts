import type { KnownMessage } from "./known_message.ts";
import { LINK_MESSAGES } from "./link_messages.ts";
import { PROGRAM_MESSAGES } from "./program_messages.ts";
import { RESOURCE_MESSAGES } from "./resource_messages.ts";

/** A message of the input that the table knows. */
export interface Recognised {
  /** The line without times, numbers and ids: the same for the same failure. */
  key: string;
  /** The line as it came, the first of those that say the same. */
  line: string;
  /** How many lines say the same, but for times and ids. */
  count: number;
  known: KnownMessage[];
  /** The links whose prefixes stand in the line, outermost first. */
  passed: string[];
  /** Which versions print it in this form. */
  era: string | undefined;
  /** Ids of containers, execs or recorded failures, and names of containers, that it has. */
  ids: string[];
}

const ALL: readonly KnownMessage[] = [...RESOURCE_MESSAGES, ...LINK_MESSAGES, ...PROGRAM_MESSAGES];

/** Words by which each link begins what it passes on, outermost first. */
const PREFIXES: readonly (readonly [RegExp, string])[] = [
  [/Error response from daemon|Error (running|setting up) exec|stream copy error/, "dockerd"],
  [/rpc error: code =|failed to create (shim )?task|ctr: /, "containerd"],
  [/OCI runtime (exec|create|start) failed/, "shim"],
  [/exec failed:|starting container process|runc (create|exec) failed|container_linux\.go/, "runc"],
  [/init-p|pthread_create|standard_init_linux\.go|runc init|closing exec fds/, "runc init"],
];

/** Phrases that only some versions print. */
const ERAS: readonly (readonly [RegExp, string])[] = [
  [
    /container_linux\.go:\d+: starting container process caused/,
    "runc 1.0-rc (Docker 17.03 to 20.10)",
  ],
  [/unable to start container process/, "runc 1.0.0-rc93 and later"],
  [/docker-containerd|docker-runc/, "Docker 17.12 to 18.06"],
  [/failed to create shim task/, "containerd 1.6 and later"],
];

/** Where dockerd names a container as its client did. */
const NAMED =
  /\bin container ([\w][\w.-]+):|\bContainer ([\w][\w.-]+) is (?:paused|restarting|not running)/g;

const MAX_LINES = 10_000;
const MAX_IDS = 16;

/** Finds the lines of a text that the table knows. Pure; the text is data and may be anything. */
export function recogniseMessages(text: string): Recognised[] {
  const out = new Map<string, Recognised>();
  for (const raw of text.split("\n").slice(0, MAX_LINES)) {
    const line = raw.trim();
    // Quotes within quotes: a daemon's log, or an old runtime's text in another's.
    const plain = line.replace(/\\+"/g, '"');
    const known = ALL.filter((message) => message.pattern.test(plain));
    if (known.length === 0) continue;
    const key = line.replace(/time="[^"]*"|\b[0-9a-f]{12,64}\b|[0-9]+/g, "");
    const same = out.get(key);
    if (same) {
      same.count += 1;
      same.ids = [...new Set([...same.ids, ...idsOf(line)])].slice(-MAX_IDS);
      continue;
    }
    out.set(key, {
      key,
      line,
      count: 1,
      known: known.some((one) => !one.echo) ? known.filter((one) => !one.echo) : known,
      passed: PREFIXES.filter(([pattern]) => pattern.test(line)).map(([, link]) => link),
      era: ERAS.find(([pattern]) => pattern.test(line))?.[1],
      ids: idsOf(line),
    });
  }
  return [...out.values()];
}

/** Container and exec ids (64 digits or their beginning) and names of containers in a line. */
function idsOf(line: string): string[] {
  const ids = line.match(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g) ?? [];
  const names = [...line.matchAll(NAMED)].flatMap(([, told, refused]) => told ?? refused ?? []);
  return [...new Set([...ids, ...names])];
}
