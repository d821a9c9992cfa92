import { flag, i32, i64, list, map, object, text, u16, u32, u64 } from "./schema_shapes.ts";

const texts = list(text);

const idMapping = object({ containerID: u32, hostID: u32, size: u32 });

const hook = object({ path: text, args: texts, env: texts, timeout: i64 }, "path");

const mount = object(
  {
    ...{ destination: text, type: text, source: text, options: texts },
    ...{ uidMappings: list(idMapping), gidMappings: list(idMapping) },
  },
  "destination",
);

const capabilities = object({
  ...{ bounding: texts, effective: texts, inheritable: texts, permitted: texts, ambient: texts },
});

const user = object({
  ...{ uid: u32, gid: u32, umask: u32, additionalGids: list(u32), username: text },
});

const scheduler = object({
  ...{ policy: text, nice: i32, priority: i32, flags: texts },
  ...{ runtime: u64, deadline: u64, period: u64 },
});

/** `process` of config.json, and the whole of an exec's process.json. */
export const PROCESS_SHAPE = object({
  terminal: flag,
  consoleSize: object({ height: u16, width: u16 }),
  user,
  args: texts,
  commandLine: text,
  // A NUL in it has words of its own.
  env: list({ kind: "text", nul: true }),
  cwd: text,
  capabilities,
  rlimits: list(object({ type: text, hard: u64, soft: u64 }, "type", "hard", "soft")),
  noNewPrivileges: flag,
  apparmorProfile: text,
  oomScoreAdj: i32,
  scheduler,
  selinuxLabel: text,
  ioPriority: object({ class: text, priority: i32 }),
  execCPUAffinity: object({ initial: text, final: text }),
});

const device = object(
  { path: text, type: text, major: i64, minor: i64, fileMode: u32, uid: u32, gid: u32 },
  "path",
  "type",
);

const rate = list(object({ major: i64, minor: i64, rate: u64 }));

const weights = list(object({ major: i64, minor: i64, weight: u16, leafWeight: u16 }));

/** `linux.resources`, and what `update --resources` takes. */
export const RESOURCES_SHAPE = object({
  devices: list(object({ allow: flag, type: text, major: i64, minor: i64, access: text })),
  memory: object({
    ...{ limit: i64, reservation: i64, swap: i64, kernel: i64, kernelTCP: i64, swappiness: u64 },
    ...{ disableOOMKiller: flag, useHierarchy: flag, checkBeforeUpdate: flag },
  }),
  cpu: object({
    ...{ shares: u64, quota: i64, burst: u64, period: u64, cpus: text, mems: text, idle: i64 },
    ...{ realtimeRuntime: i64, realtimePeriod: u64 },
  }),
  pids: object({ limit: i64 }),
  blockIO: object({
    ...{ weight: u16, leafWeight: u16, weightDevice: weights, throttleReadBpsDevice: rate },
    ...{
      throttleWriteBpsDevice: rate,
      throttleReadIOPSDevice: rate,
      throttleWriteIOPSDevice: rate,
    },
  }),
  hugepageLimits: list(object({ pageSize: text, limit: u64 }, "pageSize", "limit")),
  network: object({
    classID: u32,
    priorities: list(object({ name: text, priority: u32 }, "name", "priority")),
  }),
  rdma: map(object({ hcaHandles: u32, hcaObjects: u32 })),
  unified: map(text),
});

const argument = object({ index: u32, value: u64, valueTwo: u64, op: text }, "index", "op");

const seccomp = object(
  {
    ...{ defaultAction: text, defaultErrnoRet: u32, architectures: texts, flags: texts },
    ...{ listenerPath: text, listenerMetadata: text },
    syscalls: list(
      object(
        { names: texts, action: text, errnoRet: u32, args: list(argument) },
        "names",
        "action",
      ),
    ),
  },
  "defaultAction",
);

const clock = object({ secs: i64, nanosecs: u32 });

const linux = object({
  ...{ uidMappings: list(idMapping), gidMappings: list(idMapping), sysctl: map(text) },
  resources: RESOURCES_SHAPE,
  cgroupsPath: text,
  namespaces: list(object({ type: text, path: text }, "type")),
  devices: list(device),
  netDevices: map(object({ name: text })),
  seccomp,
  ...{ rootfsPropagation: text, maskedPaths: texts, readonlyPaths: texts, mountLabel: text },
  intelRdt: object({
    ...{ closID: text, schemata: texts, l3CacheSchema: text, memBwSchema: text },
    ...{ enableCMT: flag, enableMBM: flag, enableMonitoring: flag },
  }),
  memoryPolicy: object({ mode: text, nodes: text, flags: texts }, "mode"),
  personality: object({ domain: text, flags: texts }, "domain"),
  timeOffsets: object({ monotonic: clock, boottime: clock }),
});

const hooks = object(
  Object.fromEntries(
    [
      ...["prestart", "createRuntime", "createContainer"],
      ...["startContainer", "poststart", "poststop"],
    ].map((kind) => [kind, list(hook)]),
  ),
);

/** config.json, as the runtime specification 1.2 has it for Linux. Other fields may be anything. */
export const SPEC_SHAPE = object({
  ociVersion: text,
  process: PROCESS_SHAPE,
  root: object({ path: text, readonly: flag }),
  ...{ hostname: text, domainname: text, mounts: list(mount), hooks, annotations: map(text) },
  linux,
});
