import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeTextAtomically } from "#lib/linux/file.ts";

/** What a sandbox's network takes down again needs: labels cannot change once it is made. */
export interface SandboxCheckpoint {
  version: 1;
  name: string;
  namespace: string;
  uid: string;
  hostNetwork: boolean;
  runtimeHandler: string;
  /** What was added to the pod's network, with which configuration. */
  network?: CniAttachment;
}

export interface CniAttachment {
  /** The network configuration list as it was when the pod joined. */
  config: unknown;
  /** Where the plugins were found. */
  binDirs: string[];
  interfaceName: string;
  portMappings: CniPortMapping[];
  /** The plugins' result, as CNI's DEL and CHECK want it back. */
  result: unknown;
  ips: string[];
}

export interface CniPortMapping {
  hostPort: number;
  containerPort: number;
  protocol: string;
  hostIP: string;
}

const ID = /^[0-9a-f]{12,64}$/;

/** The checkpoints of all sandboxes: a file each, written whole or not at all. */
export class CheckpointStore {
  readonly #folder: string;
  /** What the files say: lists ask for all of them every second. */
  readonly #known = new Map<string, SandboxCheckpoint>();

  constructor(root: string) {
    this.#folder = join(root, "sandboxes");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  write(id: string, checkpoint: SandboxCheckpoint): void {
    writeTextAtomically(this.#path(id), JSON.stringify(checkpoint));
    this.#known.set(id, checkpoint);
  }

  /** Undefined when there is none, or none that can be read. */
  read(id: string): SandboxCheckpoint | undefined {
    const known = this.#known.get(id) ?? this.#load(id);
    if (known) this.#known.set(id, known);
    return known;
  }

  #load(id: string): SandboxCheckpoint | undefined {
    try {
      const value = JSON.parse(readFileSync(this.#path(id), "utf8")) as Partial<SandboxCheckpoint>;
      return value.version === 1 ? (value as SandboxCheckpoint) : undefined;
    } catch {
      return undefined;
    }
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true });
    this.#known.delete(id);
  }

  /** Ids of all sandboxes that have one. */
  ids(): string[] {
    return readdirSync(this.#folder)
      .map((name) => name.replace(/\.json$/, ""))
      .filter((id) => ID.test(id));
  }

  #path(id: string): string {
    if (!ID.test(id)) throw new RangeError(`sandbox id ${JSON.stringify(id)}`);
    return join(this.#folder, `${id}.json`);
  }
}
