import { randomBytes } from "node:crypto";
import { Tasks } from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import { ctrCommand } from "../causes/words.ts";
import type { Facts } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";
import { GrpcPatient, type GrpcReply } from "./grpc_call.ts";
import type { Attempt, Probe } from "./probe_links.ts";

const TIMEOUT_MS = 5000;
/** gRPC's code: it ended and was deleted before our wait was heard. */
const NOT_FOUND = 5;
const PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";

/** containerd's Tasks service: Exec, Start, Wait and DeleteProcess, as `ctr tasks exec` does. */
export function probeContainerd(facts: Facts, argv: string[]): Probe {
  const socket = facts.containerd?.socket ?? "";
  const namespace = facts.namespace || "default";
  return {
    link: "containerd",
    command: `${ctrCommand(facts)} tasks exec --exec-id probe ${facts.id} ${argv.join(" ")}`,
    times: 1,
    run: async () => {
      const patient = new GrpcPatient(socket, namespace);
      try {
        return await exec(patient, facts.id, argv);
      } finally {
        patient.close();
      }
    },
  };
}

async function exec(patient: GrpcPatient, id: string, argv: string[]): Promise<Attempt> {
  const started = performance.now();
  const ids = { containerId: id, execId: `catena-doctor-${randomBytes(6).toString("hex")}` };
  const process = {
    args: argv,
    cwd: "/",
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    user: { uid: 0, gid: 0 },
    noNewPrivileges: true,
  };
  const spec = { typeUrl: PROCESS_TYPE, value: Buffer.from(JSON.stringify(process)) };
  const failed = (reply: GrpcReply<unknown>): Attempt | undefined =>
    reply.ok
      ? undefined
      : {
          ok: false,
          timedOut: reply.timedOut,
          text: reply.text,
          latencyMs: performance.now() - started,
        };
  const created = failed(
    await patient.call(Tasks.method.exec, { ...ids, spec }, stretched(TIMEOUT_MS)),
  );
  if (created) return created;
  // Asked before the start: dockerd deletes what it sees end and did not start itself.
  const waiting = patient.call(Tasks.method.wait, ids, stretched(TIMEOUT_MS));
  const start = failed(await patient.call(Tasks.method.start, ids, stretched(TIMEOUT_MS)));
  if (!start) {
    const ended = await waiting;
    await patient.call(Tasks.method.deleteProcess, ids, stretched(TIMEOUT_MS));
    const bad = failed(ended);
    if (bad && !ended.ok && ended.code === NOT_FOUND) return { ...bad, ok: true };
    if (bad) return bad;
    const exitCode = ended.ok ? ended.message.exitStatus : undefined;
    return {
      ok: exitCode === 0,
      timedOut: false,
      text: `exit code ${exitCode}`,
      latencyMs: performance.now() - started,
    };
  }
  await patient.call(Tasks.method.deleteProcess, ids, stretched(TIMEOUT_MS));
  return start;
}
