import { expect, test } from "bun:test";
import { failure } from "#lib/errors/chain_error.ts";
import type { ProbeKind } from "../spec/probe_spec.ts";
import type { ActionOutcome } from "./action_outcome.ts";
import { type ProbedContainer, ProbeWorker } from "./probe_worker.ts";

const SUCCESS: ActionOutcome = { result: "success", output: "" };
const FAILURE: ActionOutcome = { result: "failure", output: "no" };
const NOT_EXECUTED: ActionOutcome = {
  result: "notExecuted",
  error: failure({ layer: "runc", op: "exec", code: "unknown", message: "read init-p" }),
};

/** A worker that is given outcomes one by one; `verdicts` are what it decided. */
function setUp(kind: ProbeKind, spec: object = {}) {
  const container: ProbedContainer = { id: "a", startedMs: 0, started: kind !== "startup" };
  const given: ActionOutcome[] = [];
  const verdicts: string[] = [];
  const clock = { now: 1_000 };
  let runs = 0;
  const worker = new ProbeWorker({
    kind,
    spec: {
      action: { kind: "exec", command: ["true"] },
      ...{ initialDelaySeconds: 0, periodSeconds: 1, timeoutSeconds: 1 },
      ...{ successThreshold: 1, failureThreshold: 3, ...spec },
    },
    container: () => container,
    run: async () => {
      runs += 1;
      return given.shift() ?? SUCCESS;
    },
    decided: (id, success) => verdicts.push(`${id} ${success}`),
    ran: () => {},
    now: () => clock.now,
  });
  const turns = async (...outcomes: ActionOutcome[]) => {
    for (const outcome of outcomes) {
      given.push(outcome);
      await worker.turn();
    }
  };
  return { worker, container, verdicts, clock, turns, runs: () => runs };
}

test("it takes as many failures in a row as the threshold says", async () => {
  const { turns, verdicts } = setUp("readiness");
  await turns(SUCCESS, FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE);
  expect(verdicts).toEqual(["a true"]);
  await turns(FAILURE);
  expect(verdicts).toEqual(["a true", "a false"]);
  await turns(SUCCESS);
  expect(verdicts).toEqual(["a true", "a false", "a true"]);
});

test("what could not be executed counts neither way", async () => {
  const { turns, verdicts } = setUp("liveness", { failureThreshold: 2 });
  await turns(FAILURE, NOT_EXECUTED, NOT_EXECUTED, NOT_EXECUTED);
  expect(verdicts).toEqual([]);
  await turns(FAILURE);
  expect(verdicts).toEqual(["a false"]);
});

test("after a deadly verdict it holds until there is a new container", async () => {
  const { worker, container, turns, verdicts, runs } = setUp("liveness", { failureThreshold: 1 });
  await turns(FAILURE);
  await worker.turn();
  await worker.turn();
  expect(runs()).toBe(1);
  container.id = "b";
  await worker.turn();
  expect(runs()).toBe(2);
  expect(verdicts).toEqual(["a false", "b true"]);
});

test("the initial delay is waited for", async () => {
  const { worker, clock, runs } = setUp("liveness", { initialDelaySeconds: 5 });
  await worker.turn();
  expect(runs()).toBe(0);
  clock.now = 5_000;
  await worker.turn();
  expect(runs()).toBe(1);
});

test("until the startup probe passed only it runs, and not after that", async () => {
  const liveness = setUp("liveness");
  liveness.container.started = false;
  await liveness.worker.turn();
  expect(liveness.runs()).toBe(0);
  const startup = setUp("startup");
  await startup.worker.turn();
  expect(startup.verdicts).toEqual(["a true"]);
  startup.container.started = true;
  await startup.worker.turn();
  expect(startup.runs()).toBe(1);
});
