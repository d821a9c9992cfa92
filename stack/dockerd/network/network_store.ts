import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "#lib/log/log.ts";
import { invalid, notFound } from "../refusals.ts";
import { readStateFile, writeStateFile } from "../state_file.ts";
import type { NetworkRecord } from "./network_record.ts";

/** All networks of this daemon, in memory and on disk. */
export class NetworkStore {
  readonly #folder: string;
  readonly #byId = new Map<string, NetworkRecord>();

  constructor(root: string) {
    this.#folder = join(root, "networks");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Reads the records of an earlier life. One that cannot be read is told of and left alone. */
  load(log: Log): void {
    for (const file of readdirSync(this.#folder)) {
      if (!file.endsWith(".json")) continue;
      const record = readStateFile(join(this.#folder, file)) as NetworkRecord | undefined;
      if (record?.version !== 1) log.warn("network record cannot be read", { file });
      else this.#byId.set(record.id, record);
    }
  }

  all(): NetworkRecord[] {
    return [...this.#byId.values()];
  }

  named(name: string): NetworkRecord | undefined {
    return this.all().find((record) => record.name === name);
  }

  /** By name, by id, or by the beginning of an id. Throws "network … not found". */
  find(ref: string): NetworkRecord {
    const exact = this.named(ref) ?? this.#byId.get(ref);
    if (exact) return exact;
    const matches = /^[a-f0-9]+$/.test(ref)
      ? this.all().filter(({ id }) => id.startsWith(ref))
      : [];
    if (matches.length > 1) {
      const count = `${matches.length} matches found based on ID prefix`;
      throw invalid("find network", `network ${ref} is ambiguous (${count})`);
    }
    if (matches.length === 0) throw notFound("find network", `network ${ref} not found`);
    return matches[0]!;
  }

  save(record: NetworkRecord): void {
    writeStateFile(join(this.#folder, `${record.id}.json`), record);
    this.#byId.set(record.id, record);
  }

  remove(record: NetworkRecord): void {
    rmSync(join(this.#folder, `${record.id}.json`), { force: true });
    this.#byId.delete(record.id);
  }
}
