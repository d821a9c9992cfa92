import { readTextIfAny, statFile, writeDescriptor } from "#lib/linux/file.ts";
import type { RuntimeState } from "#wire/oci-runtime/runtime.ts";
import { containerStatus, runtimeState } from "../state/container_status.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import type { Command } from "./command_types.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/** A user's name; "#" and the number when it has none. */
function userName(uid: number): string {
  for (const line of (readTextIfAny("/etc/passwd") ?? "").split("\n")) {
    const fields = line.split(":");
    if (fields[2] === String(uid)) return fields[0]!;
  }
  return `#${uid}`;
}

/** Every readable container below the root; what cannot be read is told on stderr and left out. */
function listContainers(context: RuntimeContext): RuntimeState[] {
  const names = new Map<number, string>();
  return context.store.list().flatMap((id) => {
    try {
      const state = context.store.load(id);
      const uid = statFile(context.store.folder(id))?.uid ?? 0;
      if (!names.has(uid)) names.set(uid, userName(uid));
      return [runtimeState(state, containerStatus(context.store, state), names.get(uid))];
    } catch (error) {
      writeDescriptor(2, `load container ${id}: ${commandFailure(error, "list").words}\n`);
      return [];
    }
  });
}

/** Columns as Go's tabwriter sets them: at least 12 wide, 3 spaces between. */
function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(12, ...rows.map((row) => row[column]!.length + 3)),
  );
  const line = (row: string[]) =>
    row.map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column]!) : cell));
  return rows.map((row) => `${line(row).join("")}\n`).join("");
}

export const listCommand: Command = {
  name: "list",
  synopsis: "",
  flags: [
    { name: "format", alias: "f", kind: "string", usage: "table or json", default: "table" },
    { name: "quiet", alias: "q", kind: "bool", usage: "print ids only" },
  ],
  args: [0, 0],
  run({ context, flags }) {
    const containers = listContainers(context);
    if (flags.on("quiet")) {
      writeDescriptor(1, containers.map(({ id }) => `${id}\n`).join(""));
      return 0;
    }
    const format = flags.text("format") || "table";
    if (format === "json") {
      const value = containers.length > 0 ? containers : null;
      writeDescriptor(1, `${JSON.stringify(value)}\n`);
    } else if (format === "table") {
      const rows = containers.map(({ id, pid, status, bundle, created, owner }) => [
        id,
        String(pid),
        status,
        bundle,
        created,
        owner,
      ]);
      writeDescriptor(1, table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]));
    } else throw refuse("list", "invalid format option", "invalid_argument");
    return 0;
  },
};
