/** The rules of tests/tidy.test.ts, by their names. */
export type Rule =
  | "a box imports itself, lib and its two wires"
  | "a file has at most 300 lines"
  | "a function has at most 70 lines"
  | "a line has at most 100 columns"
  | "a file name says what it is about"
  | "nothing is put off in a comment"
  | "no module waits while it loads"
  | "no host of ours and no folder of a developer"
  | "an exported function says what it does"
  | "every file is used";

/** The arrows above and below each box. */
export const BOX_WIRES: Record<string, string[]> = {
  kubelet: ["cri"],
  dockershim: ["cri", "docker-api"],
  dockerd: ["docker-api", "containerd-api"],
  containerd: ["containerd-api", "task-ttrpc"],
  "containerd-shim": ["task-ttrpc", "oci-runtime"],
  runc: ["oci-runtime", "init-pipe"],
};

/** Files that may break a rule, each with its reason. An exception that is not needed fails. */
export const EXCEPTIONS: Partial<Record<Rule, Record<string, string>>> = {
  "a box imports itself, lib and its two wires": {
    "wire/task-ttrpc/task_events.ts": "the schemas of both wires share containerd's messages",
    "wire/task-ttrpc/task_service.ts": "the schemas of both wires share containerd's messages",
  },
};

const PUBLIC_DOMAINS = [
  ...[
    "github.com",
    "kubernetes.io",
    "opencontainers.org",
    "docker.com",
    "docker.io",
    "containerd.io",
  ],
  ...["w3.org", "opentelemetry.io", "googleapis.com", "grpc.io", "protobuf.dev", "buf.build"],
  ...["kernel.org", "man7.org", "ietf.org", "rfc-editor.org", "debian.org", "apache.org"],
  ...["npmjs.com", "bun.com", "nodejs.org", "typescriptlang.org", "biomejs.dev", "json-schema.org"],
  ...["example.com", "example.org"],
];

/**
 * Whether a document may name this host: the public homes of protocols and projects, placeholders
 * without a dot, and this machine. Anything else is somebody's network.
 */
export function isPublicHost(host: string): boolean {
  if (!host.includes(".") || host === "127.0.0.1") return true;
  return PUBLIC_DOMAINS.some((domain) => host === domain || host.endsWith(`.${domain}`));
}
