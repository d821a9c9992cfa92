import { statSync } from "node:fs";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Introspection,
  PluginSchema,
} from "#gen/wire/containerd-api/proto/introspection_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import { codeNumber } from "#lib/rpc/status_codec.ts";
import { compileFilters, filled } from "../filter/filter_match.ts";
import { refuse } from "../metadata/refusal.ts";

type Plugin = MessageInitShape<typeof PluginSchema>;

/** A part of the daemon, named as genuine containerd names its plugins. */
export interface DaemonPart {
  type: string;
  id: string;
  requires?: string[];
  exports?: Record<string, string>;
  /** Why it could not be loaded. */
  refusal?: string | undefined;
}

/** The introspection service: which parts are there, and which daemon this is. */
export function introspectionService(
  parts: readonly DaemonPart[],
  uuid: string,
): ServiceImplementation<typeof Introspection> {
  const plugins = parts.map(pluginOf);
  return {
    plugins: async ({ filters }) => {
      const passes = compileFilters(filters);
      return {
        plugins: plugins.filter(({ type, id }) =>
          passes(([field]) => {
            if (field === "type") return filled(type);
            return field === "id" ? filled(id) : undefined;
          }),
        ),
      };
    },
    server: async () => ({
      uuid,
      pid: BigInt(process.pid),
      pidns: BigInt(statSync("/proc/self/ns/pid").ino),
    }),
    pluginInfo: async ({ type, id, options }) => {
      const plugin = plugins.find((item) => item.type === type && item.id === id);
      if (!plugin) throw refuse("not_found", `plugin ${type}.${id}`);
      if (options) throw refuse("unimplemented", `options of plugin ${type}.${id}`);
      return { plugin };
    },
  };
}

function pluginOf(part: DaemonPart): Plugin {
  const plugin: Plugin = {
    type: part.type,
    id: part.id,
    requires: part.requires ?? [],
    exports: part.exports ?? {},
    platforms: [{ os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch }],
  };
  if (!part.refusal) return plugin;
  const initErr = { code: codeNumber("failed_precondition"), message: part.refusal };
  return { ...plugin, initErr };
}
