/**
 * The only variables of our own environment that a child may inherit. BUN_OPTIONS, BUN_BE_BUN,
 * LD_PRELOAD, NODE_OPTIONS and the like would make a child run code of the caller's choice.
 */
const ALLOWED = [
  "PATH",
  "HOME",
  "LANG",
  "TERM",
  "TMPDIR",
  "TZ",
  "XDG_RUNTIME_DIR",
  "NOTIFY_SOCKET",
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
  "TTRPC_ADDRESS",
  "GRPC_ADDRESS",
  "CONTAINERD_NAMESPACE",
  "MAX_SHIM_VERSION",
  "TRACEPARENT",
  "TRACESTATE",
  "CATENA_STATE",
  "CATENA_ORDERED_EVENTS",
  "DBUS_SESSION_BUS_ADDRESS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
] as const;

/**
 * Builds a child's environment: allowed variables of ours, then `extra`. CNI_* are named by who
 * needs them.
 */
export function childEnv(
  extra: Record<string, string> = {},
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of ALLOWED) {
    const value = env[name];
    if (value !== undefined) out[name] = value;
  }
  return { ...out, ...extra };
}
