import { SET, type Shape, STRING_MAP, STRINGS } from "./body_shape.ts";

const THROTTLE: Shape = { array: { object: { Path: "string", Rate: "int" } } };

const RESOURCES: Record<string, Shape> = {
  CpuShares: "int",
  Memory: "int",
  NanoCpus: "int",
  CgroupParent: "string",
  BlkioWeight: "int",
  BlkioWeightDevice: { array: { object: { Path: "string", Weight: "int" } } },
  BlkioDeviceReadBps: THROTTLE,
  BlkioDeviceWriteBps: THROTTLE,
  BlkioDeviceReadIOps: THROTTLE,
  BlkioDeviceWriteIOps: THROTTLE,
  CpuPeriod: "int",
  CpuQuota: "int",
  CpuRealtimePeriod: "int",
  CpuRealtimeRuntime: "int",
  CpusetCpus: "string",
  CpusetMems: "string",
  Devices: {
    array: {
      object: { PathOnHost: "string", PathInContainer: "string", CgroupPermissions: "string" },
    },
  },
  DeviceCgroupRules: STRINGS,
  DeviceRequests: { array: "any" },
  KernelMemory: "int",
  KernelMemoryTCP: "int",
  MemoryReservation: "int",
  MemorySwap: "int",
  MemorySwappiness: "int",
  OomKillDisable: "bool",
  PidsLimit: "int",
  Ulimits: { array: { object: { Name: "string", Soft: "int", Hard: "int" } } },
  CpuCount: "int",
  CpuPercent: "int",
  IOMaximumIOps: "int",
  IOMaximumBandwidth: "int",
};

const RESTART_POLICY: Shape = { object: { Name: "string", MaximumRetryCount: "int" } };

const MOUNT: Shape = {
  object: {
    Type: "string",
    Source: "string",
    Target: "string",
    ReadOnly: "bool",
    Consistency: "string",
    BindOptions: {
      object: {
        Propagation: "string",
        NonRecursive: "bool",
        CreateMountpoint: "bool",
        ReadOnlyNonRecursive: "bool",
        ReadOnlyForceRecursive: "bool",
      },
    },
    VolumeOptions: {
      object: {
        NoCopy: "bool",
        Labels: STRING_MAP,
        DriverConfig: { object: { Name: "string", Options: STRING_MAP } },
        Subpath: "string",
      },
    },
    TmpfsOptions: { object: { SizeBytes: "int", Mode: "int", Options: { array: STRINGS } } },
    ImageOptions: "any",
    ClusterOptions: "any",
  },
};

const HOST_CONFIG: Shape = {
  object: {
    ...RESOURCES,
    Binds: STRINGS,
    ContainerIDFile: "string",
    LogConfig: { object: { Type: "string", Config: STRING_MAP } },
    NetworkMode: "string",
    PortBindings: { map: { array: { object: { HostIp: "string", HostPort: "string" } } } },
    RestartPolicy: RESTART_POLICY,
    AutoRemove: "bool",
    VolumeDriver: "string",
    VolumesFrom: STRINGS,
    ConsoleSize: { array: "int" },
    Annotations: STRING_MAP,
    CapAdd: "stringOrStrings",
    CapDrop: "stringOrStrings",
    CgroupnsMode: "string",
    Dns: STRINGS,
    DnsOptions: STRINGS,
    DnsSearch: STRINGS,
    ExtraHosts: STRINGS,
    GroupAdd: STRINGS,
    IpcMode: "string",
    Cgroup: "string",
    Links: STRINGS,
    OomScoreAdj: "int",
    PidMode: "string",
    Privileged: "bool",
    PublishAllPorts: "bool",
    ReadonlyRootfs: "bool",
    SecurityOpt: STRINGS,
    StorageOpt: STRING_MAP,
    Tmpfs: STRING_MAP,
    UTSMode: "string",
    UsernsMode: "string",
    ShmSize: "int",
    Sysctls: STRING_MAP,
    Runtime: "string",
    Isolation: "string",
    Mounts: { array: MOUNT },
    MaskedPaths: STRINGS,
    ReadonlyPaths: STRINGS,
    Init: "bool",
  },
};

export const ENDPOINT_SETTINGS: Shape = {
  object: {
    IPAMConfig: {
      object: { IPv4Address: "string", IPv6Address: "string", LinkLocalIPs: STRINGS },
    },
    Links: STRINGS,
    Aliases: STRINGS,
    MacAddress: "string",
    DriverOpts: STRING_MAP,
    GwPriority: "int",
    NetworkID: "string",
    EndpointID: "string",
    Gateway: "string",
    IPAddress: "string",
    IPPrefixLen: "int",
    IPv6Gateway: "string",
    GlobalIPv6Address: "string",
    GlobalIPv6PrefixLen: "int",
    DNSNames: STRINGS,
  },
};

const CONFIG: Record<string, Shape> = {
  Hostname: "string",
  Domainname: "string",
  User: "string",
  AttachStdin: "bool",
  AttachStdout: "bool",
  AttachStderr: "bool",
  ExposedPorts: SET,
  Tty: "bool",
  OpenStdin: "bool",
  StdinOnce: "bool",
  Env: STRINGS,
  Cmd: "stringOrStrings",
  Healthcheck: {
    object: {
      Test: STRINGS,
      Interval: "int",
      Timeout: "int",
      StartPeriod: "int",
      StartInterval: "int",
      Retries: "int",
    },
  },
  ArgsEscaped: "bool",
  Image: "string",
  Volumes: SET,
  WorkingDir: "string",
  Entrypoint: "stringOrStrings",
  NetworkDisabled: "bool",
  MacAddress: "string",
  OnBuild: STRINGS,
  Labels: STRING_MAP,
  StopSignal: "string",
  StopTimeout: "int",
  Shell: "stringOrStrings",
};

export const CONTAINER_CONFIG: Shape = { object: CONFIG };

export const CONTAINER_CREATE: Shape = {
  object: {
    ...CONFIG,
    HostConfig: HOST_CONFIG,
    NetworkingConfig: { object: { EndpointsConfig: { map: ENDPOINT_SETTINGS } } },
  },
};

export const CONTAINER_UPDATE: Shape = {
  object: { ...RESOURCES, RestartPolicy: RESTART_POLICY },
};

export const EXEC_CREATE: Shape = {
  object: {
    User: "string",
    Privileged: "bool",
    Tty: "bool",
    ConsoleSize: { array: "int" },
    AttachStdin: "bool",
    AttachStderr: "bool",
    AttachStdout: "bool",
    Detach: "bool",
    DetachKeys: "string",
    Env: STRINGS,
    WorkingDir: "string",
    Cmd: STRINGS,
  },
};

export const EXEC_START: Shape = {
  object: { Detach: "bool", Tty: "bool", ConsoleSize: { array: "int" } },
};

export const VOLUME_CREATE: Shape = {
  object: {
    Name: "string",
    Driver: "string",
    DriverOpts: STRING_MAP,
    Labels: STRING_MAP,
    ClusterVolumeSpec: "any",
  },
};

export const NETWORK_CREATE: Shape = {
  object: {
    Name: "string",
    CheckDuplicate: "bool",
    Driver: "string",
    Scope: "string",
    Internal: "bool",
    Attachable: "bool",
    Ingress: "bool",
    ConfigOnly: "bool",
    ConfigFrom: { object: { Network: "string" } },
    IPAM: {
      object: {
        Driver: "string",
        Options: STRING_MAP,
        Config: {
          array: {
            object: {
              Subnet: "string",
              IPRange: "string",
              Gateway: "string",
              AuxiliaryAddresses: STRING_MAP,
            },
          },
        },
      },
    },
    EnableIPv4: "bool",
    EnableIPv6: "bool",
    Options: STRING_MAP,
    Labels: STRING_MAP,
  },
};

export const NETWORK_CONNECT: Shape = {
  object: { Container: "string", EndpointConfig: ENDPOINT_SETTINGS },
};

export const NETWORK_DISCONNECT: Shape = { object: { Container: "string", Force: "bool" } };
