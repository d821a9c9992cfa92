import { RuntimeService } from "#gen/wire/cri/proto/runtime_service_pb.ts";
import type { Facts } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";
import { GrpcPatient } from "./grpc_call.ts";
import type { Attempt, Probe } from "./probe_links.ts";

const TIMEOUT_MS = 8000;
/** Given to the link as the exec's own limit; less than ours, so that its answer still comes. */
const EXEC_LIMIT_S = 5;
/** gRPC's code for a method, or here a whole version of CRI, that a server does not have. */
const UNIMPLEMENTED = 12;
const NOT_FOUND = 5;
/** Servers up to 2021 speak the older one only. */
const SERVICES = ["runtime.v1.RuntimeService", "runtime.v1alpha2.RuntimeService"];

/** The Container Runtime Interface: ExecSync, as the kubelet does for an exec probe. */
export function probeCri(facts: Facts, argv: string[]): Probe {
  const socket = facts.cri?.socket ?? "";
  return {
    link: "cri",
    command: `crictl -r unix://${socket} exec -s ${facts.id} ${argv.join(" ")}`,
    times: 1,
    run: async () => {
      const patient = new GrpcPatient(socket, "k8s.io");
      try {
        return await execSync(patient, facts.id, argv);
      } finally {
        patient.close();
      }
    },
  };
}

async function execSync(patient: GrpcPatient, id: string, argv: string[]): Promise<Attempt> {
  const request = { containerId: id, cmd: argv, timeout: BigInt(EXEC_LIMIT_S) };
  const { execSync: method } = RuntimeService.method;
  const started = performance.now();
  const attempt = (part: Partial<Attempt>): Attempt => ({
    ok: false,
    timedOut: false,
    text: "the server speaks no version of CRI",
    ...part,
    latencyMs: performance.now() - started,
  });
  for (const service of SERVICES) {
    const reply = await patient.call(method, request, stretched(TIMEOUT_MS), service);
    if (reply.ok) {
      const { exitCode } = reply.message;
      return attempt({ ok: exitCode === 0, text: `exit code ${exitCode}`, exitCode });
    }
    if (reply.code !== UNIMPLEMENTED) {
      const unknown = reply.code === NOT_FOUND || reply.text.includes("in store: not found");
      return attempt({ timedOut: reply.timedOut, text: reply.text, unknown });
    }
  }
  return attempt({});
}
