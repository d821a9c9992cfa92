import type { Database } from "bun:sqlite";
import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Sandbox, SandboxSchema } from "#gen/wire/containerd-api/proto/types/sandbox_pb.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import { compileFilters, filled, mapField } from "../filter/filter_match.ts";
import { checkIdentifier } from "./identifier.ts";
import { checkLabels, encodeLabels, maskLabels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

interface Row {
  record: Uint8Array;
}

/** Fields that an update without a mask carries over. */
const UPDATE_ALL = ["labels", "extensions", "spec", "runtime"];

/** The records of sandboxes. */
export class SandboxStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(namespace: string, id: string): Sandbox {
    const row = this.#database
      .query<Row, [string, string]>("SELECT record FROM sandboxes WHERE namespace = ? AND id = ?")
      .get(namespace, id);
    if (!row) throw refuse("not_found", `sandbox ${JSON.stringify(id)}`);
    return fromBinary(SandboxSchema, row.record);
  }

  list(namespace: string, filters: readonly string[]): Sandbox[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string]>("SELECT record FROM sandboxes WHERE namespace = ? ORDER BY id")
      .all(namespace)
      .map(({ record }) => fromBinary(SandboxSchema, record))
      .filter((sandbox) => passes((path) => sandboxField(sandbox, path)));
  }

  create(namespace: string, given: Sandbox): Sandbox {
    checkSandbox(given);
    const sandbox = clone(SandboxSchema, given);
    sandbox.createdAt = sandbox.updatedAt = currentTimestamp();
    this.#database.transaction(() => {
      ensureNamespace(this.#database, namespace);
      const { changes } = this.#database.run(
        "INSERT OR IGNORE INTO sandboxes VALUES (?, ?, ?, ?)",
        [
          namespace,
          sandbox.sandboxId,
          toBinary(SandboxSchema, sandbox),
          encodeLabels(sandbox.labels),
        ],
      );
      if (changes === 0) {
        throw refuse("already_exists", `sandbox ${JSON.stringify(sandbox.sandboxId)}`);
      }
    })();
    return sandbox;
  }

  update(namespace: string, given: Sandbox, fields: readonly string[]): Sandbox {
    return this.#database.transaction(() => {
      const updated = this.get(namespace, given.sandboxId);
      for (const path of fields.length > 0 ? fields : UPDATE_ALL) applyPath(updated, given, path);
      checkSandbox(updated);
      updated.updatedAt = currentTimestamp();
      this.#database.run(
        "UPDATE sandboxes SET record = ?, labels = ? WHERE namespace = ? AND id = ?",
        [
          toBinary(SandboxSchema, updated),
          encodeLabels(updated.labels),
          namespace,
          given.sandboxId,
        ],
      );
      return updated;
    })();
  }

  delete(namespace: string, id: string): void {
    this.get(namespace, id);
    this.#database.run("DELETE FROM sandboxes WHERE namespace = ? AND id = ?", [namespace, id]);
  }
}

function applyPath(updated: Sandbox, given: Sandbox, path: string): void {
  const labels = maskLabels(updated.labels, given.labels, path);
  if (labels) {
    updated.labels = labels;
  } else if (path === "extensions") {
    updated.extensions = given.extensions;
  } else if (path.startsWith("extensions.")) {
    const key = path.slice("extensions.".length);
    const value = given.extensions[key];
    if (value) updated.extensions[key] = value;
  } else if (path === "spec") {
    if (given.spec) updated.spec = given.spec;
  } else if (path === "runtime") {
    if (given.runtime) updated.runtime = given.runtime;
  } else {
    const where = `${JSON.stringify(path)} field on sandbox ${JSON.stringify(given.sandboxId)}`;
    throw refuse("invalid_argument", `cannot update ${where}`);
  }
}

function checkSandbox(sandbox: Sandbox): void {
  checkIdentifier(sandbox.sandboxId, "sandbox ID");
  checkLabels("sandbox.Labels", sandbox.labels);
  if (!sandbox.runtime?.name) throw refuse("invalid_argument", "sandbox.Runtime.Name must be set");
}

function sandboxField(sandbox: Sandbox, path: readonly string[]): string | undefined {
  switch (path[0]) {
    case "id":
      return filled(sandbox.sandboxId);
    case "labels":
      return mapField(sandbox.labels, path);
    case "runtime":
      return path[1] === "name" ? filled(sandbox.runtime?.name) : undefined;
    default:
      return undefined;
  }
}
