import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { refuse } from "../refusals.ts";

const op = "read network configuration";
const FILES = /\.(conflist|conf|json)$/;
/** What a configuration that does not say means, as libcni takes it. */
const DEFAULT_VERSION = "0.2.0";

export type CniPlugin = Record<string, unknown> & {
  type: string;
  capabilities?: Record<string, boolean>;
};

/** A network configuration list. */
export interface CniConfig {
  cniVersion: string;
  name: string;
  plugins: CniPlugin[];
}

/**
 * The first network configuration of a folder by its file name, as every CNI runtime chooses.
 * Undefined when there is none; throws when the first one is no configuration.
 */
export function readCniConfig(folder: string): CniConfig | undefined {
  const file = listed(folder).sort()[0];
  if (file === undefined) return undefined;
  const path = join(folder, file);
  const value = parse(path);
  const plugins = Array.isArray(value["plugins"]) ? value["plugins"] : [value];
  for (const plugin of plugins) {
    const { type } = (plugin ?? {}) as { type?: unknown };
    // A type is the name of a program in the folder of plugins, never a path out of it.
    if (typeof type !== "string" || !/^[\w.-]+$/.test(type) || /^\.+$/.test(type)) {
      throw bad(path, "a plugin without a type");
    }
  }
  const { name, cniVersion } = value;
  if (typeof name !== "string" || name === "") throw bad(path, "no name");
  return {
    name,
    cniVersion: typeof cniVersion === "string" ? cniVersion : DEFAULT_VERSION,
    plugins: plugins as CniPlugin[],
  };
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => FILES.test(name));
  } catch {
    return [];
  }
}

function parse(path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw bad(path, String((error as Error).message));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(path, "not an object");
  }
  return value as Record<string, unknown>;
}

function bad(path: string, reason: string) {
  return refuse("failed_precondition", op, `network configuration ${path}: ${reason}`, {
    fix: `correct ${path}`,
    evidence: [{ kind: "path", value: reason, ref: path }],
  });
}
