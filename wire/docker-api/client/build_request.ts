import type { ImageBuildOptions } from "../types/build.ts";
import type { RequestOptions } from "./transport.ts";

const jsonText = (value: object) =>
  Object.keys(value).length > 0 ? JSON.stringify(value) : undefined;

/** The query and headers of a build. */
export function buildRequest(options: ImageBuildOptions): RequestOptions {
  const { hostConfig: host, auths, quiet, remove, forceRemove, tags, ...rest } = options;
  return {
    query: {
      t: tags,
      dockerfile: rest.dockerfile,
      remote: rest.remote,
      buildargs: jsonText(rest.buildArgs),
      labels: jsonText(rest.labels),
      target: rest.target,
      platform: rest.platform,
      nocache: rest.noCache,
      pull: rest.pull,
      q: quiet,
      rm: remove ? "1" : "0",
      forcerm: forceRemove,
      networkmode: host.NetworkMode ?? undefined,
      memory: host.Memory ?? undefined,
      memswap: host.MemorySwap ?? undefined,
      cpushares: host.CpuShares ?? undefined,
      cpuperiod: host.CpuPeriod ?? undefined,
      cpuquota: host.CpuQuota ?? undefined,
      cpusetcpus: host.CpusetCpus ?? undefined,
      cpusetmems: host.CpusetMems ?? undefined,
      cgroupparent: host.CgroupParent ?? undefined,
      shmsize: host.ShmSize ?? undefined,
      ulimits: host.Ulimits?.length ? JSON.stringify(host.Ulimits) : undefined,
      extrahosts: host.ExtraHosts ?? undefined,
      securityopt: host.SecurityOpt ?? undefined,
    },
    headers: { "X-Registry-Config": Buffer.from(JSON.stringify(auths)).toString("base64url") },
  };
}
