import type { FieldReader } from "./field_reader.ts";

/** A port by its number, or by the name that the container's ports give it. */
export type PortRef = number | string;

/** What a probe or a lifecycle hook does. */
export type ActionSpec =
  | { kind: "exec"; command: string[] }
  | {
      kind: "http";
      host?: string;
      port: PortRef;
      path: string;
      scheme: "HTTP" | "HTTPS";
      headers: { name: string; value: string }[];
    }
  | { kind: "tcp"; host?: string; port: PortRef }
  | { kind: "grpc"; port: number; service: string }
  | { kind: "sleep"; seconds: number };

export interface ProbeSpec {
  action: ActionSpec;
  initialDelaySeconds: number;
  periodSeconds: number;
  timeoutSeconds: number;
  successThreshold: number;
  failureThreshold: number;
  terminationGraceSeconds?: number;
}

export type ProbeKind = "liveness" | "readiness" | "startup";

/** Reads livenessProbe and the like. Undefined when it is absent or has no usable handler. */
export function readProbe(
  fields: FieldReader,
  name: string,
  kind: ProbeKind,
): ProbeSpec | undefined {
  return fields.object(name, (probe) => {
    const action = readAction(probe, ["exec", "httpGet", "tcpSocket", "grpc"]);
    const successThreshold = probe.integer("successThreshold", { min: 1 }) ?? 1;
    if (kind !== "readiness" && successThreshold !== 1) {
      probe.invalid("successThreshold", successThreshold, "must be 1");
    }
    const grace = probe.integer("terminationGracePeriodSeconds", { min: 1 });
    if (kind === "readiness" && grace !== undefined) {
      probe.invalid("terminationGracePeriodSeconds", grace, "must not be set for readinessProbes");
    }
    const spec = {
      initialDelaySeconds: probe.integer("initialDelaySeconds", { min: 0 }) ?? 0,
      periodSeconds: probe.integer("periodSeconds", { min: 1 }) ?? 10,
      timeoutSeconds: probe.integer("timeoutSeconds", { min: 1 }) ?? 1,
      failureThreshold: probe.integer("failureThreshold", { min: 1 }) ?? 3,
      successThreshold,
      ...(grace !== undefined && { terminationGraceSeconds: grace }),
    };
    return action && { action, ...spec };
  });
}

/** Reads lifecycle.postStart or lifecycle.preStop. */
export function readHook(fields: FieldReader, name: string): ActionSpec | undefined {
  return fields.object(name, (hook) => readAction(hook, ["exec", "httpGet", "tcpSocket", "sleep"]));
}

type Handler = "exec" | "httpGet" | "tcpSocket" | "grpc" | "sleep";

/** Of the handlers that fit here exactly one must be given. */
function readAction(fields: FieldReader, handlers: readonly Handler[]): ActionSpec | undefined {
  const given = handlers.filter((handler) => fields.has(handler));
  if (given.length === 0) fields.error("", `Required value: must specify one of: ${handlers}`);
  if (given.length > 1) {
    fields.error(given[1]!, "Forbidden: may not specify more than 1 handler type");
  }
  switch (given[0]) {
    case "exec":
      return fields.object("exec", readExec);
    case "httpGet":
      return fields.object("httpGet", readHttp);
    case "tcpSocket":
      return fields.object("tcpSocket", (tcp) => {
        const host = tcp.string("host");
        return { kind: "tcp", port: readPort(tcp), ...(host && { host }) };
      });
    case "grpc":
      return fields.object("grpc", (grpc) => {
        const port = grpc.integer("port", { min: 1, max: 65535 });
        if (!grpc.has("port")) grpc.error("port", "Required value");
        return { kind: "grpc", port: port ?? 0, service: grpc.string("service") ?? "" };
      });
    case "sleep":
      return fields.object("sleep", (sleep) => ({
        kind: "sleep",
        seconds: sleep.integer("seconds", { min: 0 }) ?? 0,
      }));
    default:
      return undefined;
  }
}

function readExec(exec: FieldReader): ActionSpec {
  const command = exec.strings("command");
  if (command.length === 0) exec.error("command", "Required value");
  return { kind: "exec", command };
}

function readHttp(http: FieldReader): ActionSpec {
  const host = http.string("host");
  return {
    kind: "http",
    port: readPort(http),
    path: http.string("path") || "/",
    scheme: http.choice("scheme", ["HTTP", "HTTPS"]) ?? "HTTP",
    headers: http.objects("httpHeaders", (header) => ({
      name: header.needString("name"),
      value: header.string("value") ?? "",
    })),
    ...(host && { host }),
  };
}

function readPort(fields: FieldReader): PortRef {
  const value = fields.raw("port");
  if (typeof value === "string" && /^(?=.*[a-z])[a-z0-9-]{1,15}$/.test(value)) return value;
  if (typeof value === "string") fields.invalid("port", value, "must be a port's number or name");
  else if (value === undefined) fields.error("port", "Required value");
  else return fields.integer("port", { min: 1, max: 65535 }) ?? 0;
  return 0;
}
