import type { DocumentRule } from "./document_difference.ts";

const OWN = "each daemon has its own";
const MOMENT = "as it is at the moment";
const ENGINE_28 = "ours answers as dockerd 28 does, there it is 20.10";
const STORE = "images and layers are containerd's here, dockerd's own there";
const HONEST = "ours has no such thing, and says so";

/** Documents of the genuine dockerd 20.10 and of ours: where they may differ, and why. */
export const DOCUMENT_RULES: readonly DocumentRule[] = [
  // Of every document.
  { place: /(^|\.)(Pid|SandboxKey|SystemTime|NFd|NGoroutines)$/, may: "kind", why: OWN },
  { place: /(ResolvConf|Hostname|Hosts|Log)Path$/, may: "kind", why: OWN },
  { place: /(^|\.|\])(ID|Id|Created|CreatedAt|Image|Mountpoint)$/, may: "kind", why: OWN },
  { place: /(^|\.)(DockerRootDir|Source)$/, may: "kind", why: OWN },
  { place: /^(\[\]\.)?(time|timeNano)$/, may: "kind", why: MOMENT },
  { place: /Size|UsageData|Reclaimable/, may: "kind", why: STORE },
  { place: /(^|\.)(Driver|GraphDriver\.Name)$/, may: "kind", why: STORE },
  { place: /GraphDriver\.Data(\..*)?$/, may: "any", why: STORE },
  // version, info
  { place: /ApiVersion$|MinAPIVersion$|^Server\.(Version|Git|Go|Build)/, may: "any", why: OWN },
  { place: /^Server\.(Platform\.Name|Components)$/, may: "any", why: OWN },
  { place: /^(ServerVersion|DefaultRuntime|Runtimes)$/, may: "any", why: OWN },
  { place: /^(DriverStatus|Containerd|CDISpecDirs)$/, may: "any", why: STORE },
  { place: /^Containerd$/, may: "ours", why: ENGINE_28 },
  { place: /^Plugins\.(Network|Log)$/, may: "any", why: HONEST },
  { place: /^KernelMemory(TCP)?$/, may: "theirs", why: ENGINE_28 },
  { place: /^RegistryConfig\.InsecureRegistryCIDRs$/, may: "any", why: ENGINE_28 },
  { place: /^(Containerd|Runc|Init)Commit\.Expected$/, may: "theirs", why: ENGINE_28 },
  { place: /^InitBinary$|^SecurityOptions\[\]$/, may: "kind", why: ENGINE_28 },
  // images
  { place: /^\[\]\.Container(Config)?$/, may: "theirs", why: ENGINE_28 },
  { place: /^\[\]\.Config\.\w+$/, may: "theirs", why: "API 1.50 leaves empty fields out" },
  { place: /^\[\]\.DockerVersion$/, may: "kind", why: STORE },
  // containers
  { place: /HostConfig\.Runtime$/, may: "kind", why: OWN },
  { place: /HostConfig\.KernelMemory(TCP)?$/, may: "theirs", why: ENGINE_28 },
  { place: /HostConfig\.MaskedPaths$/, may: "any", why: ENGINE_28 },
  { place: /Networks\.\w+\.(GwPriority|DNSNames)$/, may: "ours", why: ENGINE_28 },
  { place: /Health\.Log$/, may: "any", why: MOMENT },
  { place: /^\[\]\.Mounts$/, may: "order", why: "dockerd lists them in any order" },
  { place: /^Mounts$/, may: "kind", why: "dockerd lists them in any order" },
  { place: /^(CPUPerc|MemPerc|MemUsage|NetIO|BlockIO)$/, may: "kind", why: MOMENT },
  // networks
  { place: /^\[\]\.EnableIPv4$/, may: "ours", why: ENGINE_28 },
  { place: /^\[\]\.IPv4$/, may: "any", why: ENGINE_28 },
  { place: /IPAM\.Config\[\]\.Gateway$/, may: "ours", why: ENGINE_28 },
];

/** Words of 20.10 and what dockerd 28 and ours say in their place; all in lower case. */
export const TEXT_RULES: readonly { theirs: RegExp; ours: RegExp; why: string }[] = [
  {
    theirs: /invalid restart policy 'sometimes'/,
    ours: /invalid restart policy: unknown policy 'sometimes'; use one of .*/,
    why: ENGINE_28,
  },
  {
    theirs: /maximum retry count cannot be used with restart policy 'always'/,
    ours: /invalid restart policy: maximum retry count can only be used with 'on-failure'/,
    why: ENGINE_28,
  },
  {
    theirs: /(?<=executable file not found in \$path: unknown\n)\[126\]/,
    ours: /(?<=executable file not found in \$path: unknown\n)\[127\]/,
    why: ENGINE_28,
  },
  {
    theirs: /^error processing tar file\(exit status 1\)/,
    ours: /^error response from daemon: error processing tar file/,
    why: "refused before anything was streamed",
  },
  { theirs: /^1\.98mb/gm, ours: /^2\.04mb/gm, why: STORE },
];
