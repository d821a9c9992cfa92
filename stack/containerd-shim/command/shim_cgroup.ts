import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { OptionsSchema } from "#gen/wire/task-ttrpc/proto/runc_options_pb.ts";
import { failure, toChainError } from "#lib/errors/chain_error.ts";

/** The cgroup that runtime options want the shim in; empty for the parent's. */
export function readShimCgroup(options: Pick<Any, "typeUrl" | "value"> | undefined): string {
  if (!options?.typeUrl.endsWith(OptionsSchema.typeName)) return "";
  return fromBinary(OptionsSchema, options.value).shimCgroup;
}

/** Moves `pid` into the existing cgroup `path` of every mounted hierarchy that has it. */
export function joinShimCgroup(path: string, pid: number): void {
  const folders = cgroupMountPoints().map((mount) => join(mount, path));
  const existing = folders.filter((folder) => existsSync(join(folder, "cgroup.procs")));
  if (existing.length === 0) {
    throw failure({
      layer: "shim",
      op: "start",
      code: "not_found",
      message: `failed to load cgroup ${path}`,
      fix: "create the cgroup first, or leave shim_cgroup empty",
    });
  }
  for (const folder of existing) {
    try {
      writeFileSync(join(folder, "cgroup.procs"), String(pid));
    } catch (thrown) {
      throw toChainError(thrown, "shim", "start").wrap({
        layer: "shim",
        op: "start",
        code: "internal",
        message: `failed to join cgroup ${path}`,
      });
    }
  }
}

function cgroupMountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4]!);
}
