import { expect, test } from "bun:test";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import { FailureExplainer } from "./explain_failure.ts";

const site = { containerId: "c1", podCgroup: "/kubepods/pod1" };
const runtime = { containerPid: async () => undefined } as unknown as PodRuntime;

const explainer = (more: object = {}) =>
  new FailureExplainer({ mounts: [], runtime, runtimeError: () => undefined, ...more });

const text = failure({ layer: "containerd", op: "exec", code: "unknown", message: "read init-p" });

test("our frames are believed, and the pod's limit is named as the kubelet's", async () => {
  const evidence = [
    { kind: "cgroup" as const, value: "pids.current 9 of pids.max 9", ref: "/x/kubepods/pod1" },
  ];
  const fix = "raise the pids limit (docker update --pids-limit), or fix the leak in process 7 (x)";
  const inner = { layer: "init" as const, op: "exec", code: "resource_exhausted" as const };
  const cause = "the pids cgroup is full";
  const error = new ChainError([
    { layer: "shim", op: "exec", code: "unknown", message: "OCI runtime exec failed" },
    { ...inner, message: "no room", causeId: "pids-cgroup-full", cause, fix, evidence },
  ]);
  expect(await explainer().explain(error, site)).toMatchObject({
    ...{ link: "runc init", causeId: "pids-cgroup-full", cause },
    fix: "raise podPidsLimit (catena kubelet --pod-pids-limit), or fix the leak in process 7 (x)",
  });
});

test("text alone proves nothing: what it can mean is said, and what would tell", async () => {
  const known = { meaning: "init died", link: "runc init", causeId: "x", evidence: "pids.max" };
  const found = await explainer({ recognise: () => known }).explain(text, site);
  expect(found.cause).toBe("init died; not proved (pids.max would tell)");
  const unknown = await explainer().explain(text, site);
  expect(unknown.causeId).toBe("unknown");
  expect(unknown.words).toBe("read init-p");
});

test("a call that hangs while the runtime answers others is one container's matter", async () => {
  const hung = failure({ ...text.outer, causeId: "cri-hung", cause: "it does not answer" });
  expect((await explainer().explain(hung, site)).causeId).toBe("shim-hung");
  const down = explainer({ runtimeError: () => hung });
  expect((await down.explain(hung, site)).causeId).toBe("cri-hung");
  const frame = { layer: "dockerd" as const, op: "GET /_ping", code: "deadline_exceeded" as const };
  const below = failure({
    ...frame,
    message: "silent",
    causeId: "dockerd-hung",
    cause: "it hangs",
  });
  const found = await explainer({ runtimeError: () => below }).explain(hung, site);
  expect(found).toMatchObject({ link: "dockerd", causeId: "dockerd-hung", cause: "it hangs" });
});
