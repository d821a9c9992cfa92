import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "#lib/log/log.ts";
import { conflict, invalid, notFound } from "../refusals.ts";
import { readStateFile } from "../state_file.ts";
import { Container } from "./container.ts";
import { randomName } from "./container_name.ts";
import type { ContainerRecord } from "./container_record.ts";

const NAME = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const NAME_ATTEMPTS = 20;

/** All containers of this daemon, in memory and on disk. */
export class ContainerStore {
  readonly folder: string;
  readonly #byId = new Map<string, Container>();
  readonly #byName = new Map<string, string>();

  constructor(root: string) {
    this.folder = join(root, "containers");
    mkdirSync(this.folder, { recursive: true, mode: 0o710 });
  }

  /**
   * Reads the records of an earlier life. A record that cannot be read is told of and left alone.
   */
  load(log: Log): void {
    for (const id of readdirSync(this.folder)) {
      const record = readStateFile(join(this.folder, id, "container.json")) as
        | ContainerRecord
        | undefined;
      if (record?.version !== 1 || record.id !== id) {
        log.warn("container record cannot be read", { id, folder: this.folder });
        continue;
      }
      const container = new Container(join(this.folder, id), record);
      this.#byId.set(id, container);
      this.#byName.set(record.name, id);
    }
  }

  all(): Container[] {
    return [...this.#byId.values()];
  }

  get(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  /** Finds by id, name, or the beginning of an id. Throws "No such container". */
  find(ref: string): Container {
    if (ref === "") throw invalid("find container", "No container name or ID supplied");
    const exact = this.#byId.get(ref);
    if (exact) return exact;
    const named = this.#byName.get(ref.startsWith("/") ? ref.slice(1) : ref);
    if (named) return this.#byId.get(named)!;
    const matches = /^[a-f0-9]+$/.test(ref)
      ? this.all().filter((container) => container.id.startsWith(ref))
      : [];
    if (matches.length > 1) {
      throw invalid("find container", `Multiple IDs found with provided prefix: ${ref}`);
    }
    if (matches.length === 0) throw notFound("find container", `No such container: ${ref}`);
    return matches[0]!;
  }

  /** True when exactly one container is meant. */
  has(ref: string): boolean {
    try {
      return this.find(ref) !== undefined;
    } catch {
      return false;
    }
  }

  /** Takes a name for a container, or makes one up. Throws when it is taken or is no name. */
  reserve(name: string, id: string): string {
    if (name === "") return this.#reserveRandom(id);
    if (!NAME.test(name)) {
      throw invalid(
        "check name",
        `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    }
    const bare = name.replace(/^\//, "");
    const owner = this.#byName.get(bare);
    if (owner) {
      throw conflict(
        "check name",
        `Conflict. The container name "/${bare}" is already in use by container ` +
          `"${owner}". You have to remove (or rename) that container to be able to reuse ` +
          "that name.",
      );
    }
    this.#byName.set(bare, id);
    return bare;
  }

  #reserveRandom(id: string): string {
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
      const name = randomName(attempt);
      if (this.#byName.has(name)) continue;
      this.#byName.set(name, id);
      return name;
    }
    this.#byName.set(id.slice(0, 12), id);
    return id.slice(0, 12);
  }

  release(name: string): void {
    this.#byName.delete(name);
  }

  add(container: Container): void {
    this.#byId.set(container.id, container);
  }

  remove(container: Container): void {
    this.#byId.delete(container.id);
    if (this.#byName.get(container.record.name) === container.id) {
      this.#byName.delete(container.record.name);
    }
  }
}
