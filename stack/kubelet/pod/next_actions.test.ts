import { expect, test } from "bun:test";
import { NOTE } from "../container/labels.ts";
import { readManifest } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import { type Judgement, nextActions } from "./next_actions.ts";
import type { ContainerState, PodState } from "./pod_state.ts";

function podOf(spec: object): Pod {
  const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec };
  const [entry] = readManifest(JSON.stringify(manifest), "/m", "node");
  expect(entry!.errors).toEqual([]);
  return entry!.pod!;
}

const image = { image: "i:1" };
const CALM: Judgement = {
  isStarted: () => true,
  condemned: () => undefined,
  waitMs: () => 0,
  startFailedMs: () => 0,
};

/** A state with one ready sandbox and these containers: [name, running or its exit code]. */
function stateOf(pod: Pod, containers: [string, "running" | number][]): PodState {
  const specs = [...pod.spec.initContainers, ...pod.spec.containers];
  const sandbox = {
    ...{ id: "s", name: "p", namespace: "default", uid: pod.uid, attempt: 0, ready: true },
    ...{ createdMs: 1, labels: {}, annotations: {} },
  };
  const states = containers.map(([name, end], index): ContainerState => {
    const phase = end === "running" ? "running" : "exited";
    const { hash } = specs.find((spec) => spec.name === name)!;
    return {
      ...{ id: `c${index}`, sandboxId: "s", name, attempt: 0, phase, createdMs: 1 },
      ...{ image: "i", imageRef: "i", labels: {}, annotations: { [NOTE.hash]: hash } },
      detail: {
        ...{ phase, startedMs: 1, finishedMs: 2, exitCode: end === "running" ? 0 : end },
        ...{ reason: "", message: "", imageId: "", logPath: "" },
      },
    };
  });
  return { sandboxes: [sandbox], sandbox, ips: [], containers: states };
}

/** What is done, in a few words. */
function plan(pod: Pod, containers: [string, "running" | number][], judgement = CALM): string {
  const actions = nextActions(pod, stateOf(pod, containers), judgement);
  const parts = [
    ...actions.kill.map(({ container }) => `kill ${container.name}`),
    ...actions.start.map(({ name }) => `start ${name}`),
    ...[...actions.waits.keys()].map((name) => `wait ${name}`),
    ...(actions.done ? [actions.done] : []),
  ];
  return parts.join(", ");
}

const plain = (restartPolicy: string) =>
  podOf({
    restartPolicy,
    containers: [
      { name: "a", ...image },
      { name: "b", ...image },
    ],
  });

test("without a sandbox one is made, and nothing else", () => {
  const state = { sandboxes: [], sandbox: undefined, ips: [], containers: [] };
  const actions = nextActions(plain("Always"), state, CALM);
  expect(actions.newSandbox).toBe(0);
  expect(actions.start).toEqual([]);
});

test.each([
  ["Always", 0, "start a"],
  ["Always", 1, "start a"],
  ["OnFailure", 0, ""],
  ["OnFailure", 1, "start a"],
  ["Never", 0, ""],
  ["Never", 1, ""],
] as const)("%s after exit code %d beside a running one: %s", (policy, code, expected) => {
  expect(
    plan(plain(policy), [
      ["a", code],
      ["b", "running"],
    ]),
  ).toBe(expected);
});

test.each([
  ["OnFailure", 0, 0, "Succeeded"],
  ["Never", 0, 0, "Succeeded"],
  ["Never", 0, 1, "Failed"],
  ["OnFailure", 0, 1, "start b"],
] as const)("%s after exit codes %d and %d: %s", (policy, a, b, expected) => {
  expect(
    plan(plain(policy), [
      ["a", a],
      ["b", b],
    ]),
  ).toBe(expected);
});

test("a container in back-off waits, the others do not", () => {
  const judgement = { ...CALM, waitMs: (name: string) => (name === "a" ? 500 : 0) };
  expect(
    plan(
      plain("Always"),
      [
        ["a", 1],
        ["b", 1],
      ],
      judgement,
    ),
  ).toBe("start b, wait a");
});

test("a condemned container is killed; a changed one too", () => {
  const pod = plain("Always");
  const condemned = ({ name }: { name: string }) => (name === "a" ? "liveness" : undefined);
  expect(
    plan(
      pod,
      [
        ["a", "running"],
        ["b", "running"],
      ],
      { ...CALM, condemned },
    ),
  ).toBe("kill a");
  const state = stateOf(pod, [
    ["a", "running"],
    ["b", "running"],
  ]);
  pod.spec.containers[1]!.hash = "other";
  expect(nextActions(pod, state, CALM).kill.map(({ container }) => container.name)).toEqual(["b"]);
});

const withInit = podOf({
  restartPolicy: "Always",
  initContainers: [
    { name: "i1", ...image },
    { name: "car", ...image, restartPolicy: "Always" },
    { name: "i2", ...image },
  ],
  containers: [{ name: "a", ...image }],
});

test("init containers come one after the other, a sidecar when it started", () => {
  expect(plan(withInit, [])).toBe("start i1");
  expect(plan(withInit, [["i1", "running"]])).toBe("");
  expect(plan(withInit, [["i1", 1]])).toBe("start i1");
  expect(plan(withInit, [["i1", 0]])).toBe("start car");
  const notYet = { ...CALM, isStarted: () => false };
  expect(
    plan(
      withInit,
      [
        ["i1", 0],
        ["car", "running"],
      ],
      notYet,
    ),
  ).toBe("");
  expect(
    plan(withInit, [
      ["i1", 0],
      ["car", "running"],
    ]),
  ).toBe("start i2");
  expect(
    plan(withInit, [
      ["i1", 0],
      ["car", "running"],
      ["i2", 0],
    ]),
  ).toBe("start a");
});

test("a sidecar that ends is started again beside the running pod", () => {
  expect(
    plan(withInit, [
      ["i1", 0],
      ["car", 1],
      ["i2", 0],
      ["a", "running"],
    ]),
  ).toBe("start car");
});

test("a failing init container ends a pod that never restarts", () => {
  const pod = podOf({
    restartPolicy: "Never",
    initContainers: [{ name: "i", ...image }],
    containers: [{ name: "a", ...image }],
  });
  expect(plan(pod, [["i", 1]])).toBe("Failed");
});

test("sidecars do not keep a pod from ending", () => {
  const pod = podOf({
    restartPolicy: "Never",
    initContainers: [{ name: "car", ...image, restartPolicy: "Always" }],
    containers: [{ name: "a", ...image }],
  });
  expect(
    plan(pod, [
      ["car", "running"],
      ["a", 0],
    ]),
  ).toBe("Succeeded");
});

test("a sandbox that died takes its containers with it, and comes again", () => {
  const state = stateOf(plain("Always"), [["a", "running"]]);
  state.sandboxes[0]!.ready = false;
  const actions = nextActions(plain("Always"), { ...state, sandbox: undefined }, CALM);
  expect(actions.kill.map(({ container }) => container.name)).toEqual(["a"]);
  expect(actions.newSandbox).toBe(1);
  // It still holds the pod's address.
  expect(actions.stopSandboxes).toEqual(state.sandboxes);
});
