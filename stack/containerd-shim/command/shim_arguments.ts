import { failure } from "#lib/errors/chain_error.ts";

/** A shim's command line, in Go's flag style: `-flag value`, `--flag=value`, then the action. */
export interface ShimArguments {
  namespace: string;
  id: string;
  /** containerd's gRPC socket. */
  address: string;
  bundle: string;
  publishBinary: string;
  socket: string;
  debug: boolean;
  version: boolean;
  /** The containerd that started us does not start a lost shim again: a warden is to do it. */
  warded: boolean;
  /** A warden started us in place of a shim that died. */
  revived: boolean;
  /** `start`, `delete`, or empty to serve. */
  action: string;
}

const TEXT_FLAGS: Record<string, keyof ShimArguments> = {
  namespace: "namespace",
  id: "id",
  address: "address",
  bundle: "bundle",
  "publish-binary": "publishBinary",
  socket: "socket",
};

const TRUE_FLAGS: Record<string, "debug" | "version" | "warded" | "revived"> = {
  debug: "debug",
  warded: "warded",
  revived: "revived",
  v: "version",
  version: "version",
};

/** Reads the command line. Throws `invalid_argument` for a flag that no containerd sends. */
export function parseArguments(argv: readonly string[]): ShimArguments {
  const out: ShimArguments = {
    namespace: "",
    id: "",
    address: "",
    bundle: "",
    publishBinary: "",
    socket: "",
    debug: false,
    version: false,
    warded: false,
    revived: false,
    action: "",
  };
  const rest = [...argv];
  while (rest[0]?.startsWith("-")) {
    const [name = "", inline] = splitFlag(rest.shift()!);
    const truth = TRUE_FLAGS[name];
    const text = TEXT_FLAGS[name];
    if (truth) {
      out[truth] = inline !== "false";
    } else if (text) {
      const value = inline ?? rest.shift();
      if (value === undefined) throw refused(`flag needs an argument: -${name}`);
      Object.assign(out, { [text]: value });
    } else {
      throw refused(`flag provided but not defined: -${name}`);
    }
  }
  out.action = rest[0] ?? "";
  return out;
}

function splitFlag(flag: string): [string, string | undefined] {
  const text = flag.replace(/^--?/, "");
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function refused(message: string) {
  return failure({ layer: "shim", op: "arguments", code: "invalid_argument", message });
}
