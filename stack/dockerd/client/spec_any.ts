import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * Type names under which containerd and its shims know JSON documents of the runtime
 * specification.
 */
const SPEC = "types.containerd.io/opencontainers/runtime-spec/1/";
const RUNC_OPTIONS = "containerd.runc.v1.Options";
/** Field numbers of containerd.runc.v1.Options. */
const BINARY_NAME = 6;
const ROOT = 7;
const SYSTEMD_CGROUP = 9;

interface AnyMessage {
  typeUrl: string;
  value: Uint8Array;
}

/** A JSON document as the Any that containerd takes: Spec, Process or LinuxResources. */
export function specAny(kind: "Spec" | "Process" | "LinuxResources", value: unknown): AnyMessage {
  return { typeUrl: `${SPEC}${kind}`, value: Buffer.from(JSON.stringify(value)) };
}

/** Options of a runc-like shim: which runtime it runs, and where that keeps its state. */
export function runtimeOptions(
  binary: string | undefined,
  root: string | undefined,
  systemdCgroup = false,
): AnyMessage {
  const writer = new BinaryWriter();
  if (binary) writer.tag(BINARY_NAME, WireType.LengthDelimited).string(binary);
  if (root) writer.tag(ROOT, WireType.LengthDelimited).string(root);
  if (systemdCgroup) writer.tag(SYSTEMD_CGROUP, WireType.Varint).bool(true);
  return { typeUrl: RUNC_OPTIONS, value: writer.finish() };
}
