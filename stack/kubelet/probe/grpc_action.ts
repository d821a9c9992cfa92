import { create } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
} from "#gen/lib/rpc/proto/health_pb.ts";
import { methodCodecs } from "#lib/rpc/method_codec.ts";
import type { ActionOutcome } from "./action_outcome.ts";

const STATES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING = 1;

/** The standard gRPC health check (grpc.health.v1) of one service. */
export function grpcAction(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<ActionOutcome> {
  const check = methodCodecs(Health).find(({ localName }) => localName === "check")!;
  // Connections are not shared: each probe shall find out whether one can be made.
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 };
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), options);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      check.path,
      check.encodeRequest,
      check.decodeReply,
      create(HealthCheckRequestSchema, { service }),
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error: ServiceError | null, reply?: unknown) => {
        client.close();
        resolve(error ? refused(error, host, port, timeoutMs) : judged(reply));
      },
    );
  });
}

function judged(reply: unknown): ActionOutcome {
  const { status } = reply as HealthCheckResponse;
  if (status === SERVING) return { result: "success", output: "service is healthy" };
  const state = STATES[status] ?? String(status);
  return { result: "failure", output: `service unhealthy (responded with "${state}")` };
}

const UNIMPLEMENTED = 12;
const DEADLINE_EXCEEDED = 4;

function refused(
  error: ServiceError,
  host: string,
  port: number,
  timeoutMs: number,
): ActionOutcome {
  const where = `${host}:${port}`;
  if (error.code === UNIMPLEMENTED) {
    const output = `this server does not implement the grpc health protocol: ${where}`;
    return { result: "failure", output };
  }
  if (error.code === DEADLINE_EXCEEDED) {
    return { result: "failure", output: `timeout: no answer of ${where} within ${timeoutMs} ms` };
  }
  return { result: "failure", output: `health rpc of ${where} failed: ${error.details}` };
}
