import { expect, test } from "bun:test";
import { containerLabels, readLabels, sandboxLabels } from "./docker_labels.ts";

test("labels and annotations come back, ours stay hidden", () => {
  const own = { sandboxId: "s1", logPath: "/var/log/pods/a/0.log" };
  const docker = containerLabels({ app: "web" }, { "a.b/c": "d" }, own);
  expect(docker["annotation.a.b/c"]).toBe("d");
  expect(readLabels(docker)).toEqual({
    kind: "container",
    labels: { app: "web" },
    annotations: { "a.b/c": "d" },
    ...own,
  });
});

test("sandboxes and strangers are told apart", () => {
  expect(readLabels(sandboxLabels({}, {})).kind).toBe("podsandbox");
  expect(readLabels({ "io.kubernetes.docker.type": "else" }).kind).toBeUndefined();
  expect(readLabels(null).kind).toBeUndefined();
});
