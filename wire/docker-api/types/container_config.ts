/**
 * What a client sends to create or update a container. Names and shapes are the Engine API's
 * (swagger 1.24–1.51); clients send `null` for what they leave unset, so every field may be null.
 */
export interface ContainerConfig {
  Hostname?: string | null;
  Domainname?: string | null;
  User?: string | null;
  AttachStdin?: boolean | null;
  AttachStdout?: boolean | null;
  AttachStderr?: boolean | null;
  ExposedPorts?: Record<string, object> | null;
  Tty?: boolean | null;
  OpenStdin?: boolean | null;
  StdinOnce?: boolean | null;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: HealthConfig | null;
  ArgsEscaped?: boolean | null;
  Image?: string | null;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string | null;
  Entrypoint?: string[] | null;
  NetworkDisabled?: boolean | null;
  MacAddress?: string | null;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string | null;
  /** Seconds. */
  StopTimeout?: number | null;
  Shell?: string[] | null;
}

/** Times are nanoseconds; 0 means "inherit" and then the default. */
export interface HealthConfig {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`. */
  Test?: string[] | null;
  Interval?: number | null;
  Timeout?: number | null;
  StartPeriod?: number | null;
  StartInterval?: number | null;
  Retries?: number | null;
}

export interface RestartPolicy {
  Name?: string | null;
  MaximumRetryCount?: number | null;
}

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

export interface DeviceMapping {
  PathOnHost: string;
  PathInContainer?: string | null;
  CgroupPermissions?: string | null;
}

export interface WeightDevice {
  Path: string;
  Weight: number;
}

export interface ThrottleDevice {
  Path: string;
  Rate: number;
}

/** Limits: the part of HostConfig that `update` takes too. Bytes, microseconds, or as named. */
export interface ContainerResources {
  CpuShares?: number | null;
  Memory?: number | null;
  /** CPU quota in units of 1e-9 CPUs. */
  NanoCpus?: number | null;
  CgroupParent?: string | null;
  BlkioWeight?: number | null;
  BlkioWeightDevice?: WeightDevice[] | null;
  BlkioDeviceReadBps?: ThrottleDevice[] | null;
  BlkioDeviceWriteBps?: ThrottleDevice[] | null;
  BlkioDeviceReadIOps?: ThrottleDevice[] | null;
  BlkioDeviceWriteIOps?: ThrottleDevice[] | null;
  CpuPeriod?: number | null;
  CpuQuota?: number | null;
  CpuRealtimePeriod?: number | null;
  CpuRealtimeRuntime?: number | null;
  CpusetCpus?: string | null;
  CpusetMems?: string | null;
  Devices?: DeviceMapping[] | null;
  DeviceCgroupRules?: string[] | null;
  DeviceRequests?: object[] | null;
  KernelMemory?: number | null;
  KernelMemoryTCP?: number | null;
  MemoryReservation?: number | null;
  /** Memory and swap together; -1 is unlimited. */
  MemorySwap?: number | null;
  MemorySwappiness?: number | null;
  OomKillDisable?: boolean | null;
  PidsLimit?: number | null;
  Ulimits?: Ulimit[] | null;
  CpuCount?: number | null;
  CpuPercent?: number | null;
  IOMaximumIOps?: number | null;
  IOMaximumBandwidth?: number | null;
}

export interface PortBinding {
  HostIp?: string | null;
  HostPort?: string | null;
}

export type PortMap = Record<string, PortBinding[] | null>;

/** One entry of `HostConfig.Mounts` (`docker run --mount`). */
export interface MountRequest {
  Type?: string | null;
  Source?: string | null;
  Target?: string | null;
  ReadOnly?: boolean | null;
  Consistency?: string | null;
  BindOptions?: {
    Propagation?: string | null;
    NonRecursive?: boolean | null;
    CreateMountpoint?: boolean | null;
    ReadOnlyNonRecursive?: boolean | null;
    ReadOnlyForceRecursive?: boolean | null;
  } | null;
  VolumeOptions?: {
    NoCopy?: boolean | null;
    Labels?: Record<string, string> | null;
    DriverConfig?: { Name?: string | null; Options?: Record<string, string> | null } | null;
    Subpath?: string | null;
  } | null;
  TmpfsOptions?: {
    SizeBytes?: number | null;
    Mode?: number | null;
    Options?: string[][] | null;
  } | null;
  ImageOptions?: object | null;
  ClusterOptions?: object | null;
}

export interface HostConfig extends ContainerResources {
  Binds?: string[] | null;
  ContainerIDFile?: string | null;
  LogConfig?: { Type?: string | null; Config?: Record<string, string> | null } | null;
  NetworkMode?: string | null;
  PortBindings?: PortMap | null;
  RestartPolicy?: RestartPolicy | null;
  AutoRemove?: boolean | null;
  VolumeDriver?: string | null;
  VolumesFrom?: string[] | null;
  ConsoleSize?: number[] | null;
  Annotations?: Record<string, string> | null;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  CgroupnsMode?: string | null;
  Dns?: string[] | null;
  DnsOptions?: string[] | null;
  DnsSearch?: string[] | null;
  ExtraHosts?: string[] | null;
  GroupAdd?: string[] | null;
  IpcMode?: string | null;
  Cgroup?: string | null;
  Links?: string[] | null;
  OomScoreAdj?: number | null;
  PidMode?: string | null;
  Privileged?: boolean | null;
  PublishAllPorts?: boolean | null;
  ReadonlyRootfs?: boolean | null;
  SecurityOpt?: string[] | null;
  StorageOpt?: Record<string, string> | null;
  Tmpfs?: Record<string, string> | null;
  UTSMode?: string | null;
  UsernsMode?: string | null;
  ShmSize?: number | null;
  Sysctls?: Record<string, string> | null;
  Runtime?: string | null;
  Isolation?: string | null;
  Mounts?: MountRequest[] | null;
  MaskedPaths?: string[] | null;
  ReadonlyPaths?: string[] | null;
  Init?: boolean | null;
}

export interface EndpointIpam {
  IPv4Address?: string | null;
  IPv6Address?: string | null;
  LinkLocalIPs?: string[] | null;
}

/** How a container is, or asks to be, on one network. */
export interface EndpointSettings {
  IPAMConfig?: EndpointIpam | null;
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string | null;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number | null;
  NetworkID?: string | null;
  EndpointID?: string | null;
  Gateway?: string | null;
  IPAddress?: string | null;
  IPPrefixLen?: number | null;
  IPv6Gateway?: string | null;
  GlobalIPv6Address?: string | null;
  GlobalIPv6PrefixLen?: number | null;
  DNSNames?: string[] | null;
}

export interface NetworkingConfig {
  EndpointsConfig?: Record<string, EndpointSettings | null> | null;
}

/** Body of POST /containers/create. */
export interface ContainerCreateBody extends ContainerConfig {
  HostConfig?: HostConfig | null;
  NetworkingConfig?: NetworkingConfig | null;
}

/** Body of POST /containers/ID/update. */
export interface ContainerUpdateBody extends ContainerResources {
  RestartPolicy?: RestartPolicy | null;
}

/** Body of POST /containers/ID/exec. */
export interface ExecCreateBody {
  User?: string | null;
  Privileged?: boolean | null;
  Tty?: boolean | null;
  ConsoleSize?: number[] | null;
  AttachStdin?: boolean | null;
  AttachStderr?: boolean | null;
  AttachStdout?: boolean | null;
  Detach?: boolean | null;
  DetachKeys?: string | null;
  Env?: string[] | null;
  WorkingDir?: string | null;
  Cmd?: string[] | null;
}

/** Body of POST /exec/ID/start. */
export interface ExecStartBody {
  Detach?: boolean | null;
  Tty?: boolean | null;
  ConsoleSize?: number[] | null;
}
