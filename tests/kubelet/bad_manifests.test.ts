import { describe, expect, test } from "bun:test";
import { readManifest } from "#stack/kubelet/spec/manifest.ts";

// Manifests that are wrong: the words name the field by its path, and nothing is thrown.

const read = (text: string) => readManifest(text, "/manifests/a.yaml", "node");
const problems = (text: string) =>
  read(text).flatMap(({ errors }) => errors.map(({ path, message }) => `${path}: ${message}`));
const warnings = (text: string) =>
  read(text).flatMap((one) => one.warnings.map(({ path, message }) => `${path}: ${message}`));

/** A pod with one container; `more` are lines of the spec, `container` lines of the container. */
function pod(container = "", more = ""): string {
  const indent = (text: string, by: string) => text.replace(/^/gm, by);
  return `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
${more === "" ? "" : `${indent(more, "  ")}\n`}  containers:
  - name: app
    image: busybox:1
${indent(container, "    ")}`;
}

test("a sound manifest has no findings", () => {
  const [entry] = read(pod("readinessProbe: {exec: {command: [ls]}}"));
  expect(entry!.errors).toEqual([]);
  expect(entry!.warnings).toEqual([]);
  expect(entry!.pod!.name).toBe("web-node");
  expect(entry!.pod!.namespace).toBe("default");
  expect(entry!.pod!.spec.containers[0]!.readiness!.periodSeconds).toBe(10);
});

describe("errors name the field", () => {
  test.each([
    ["image: 5", "spec.containers[0].image: Invalid type: expected a string, got number 5"],
    ["livenessProbe: {}", "spec.containers[0].livenessProbe: Required value: must specify one of"],
    ["livenessProbe: {exec: {}}", "spec.containers[0].livenessProbe.exec.command: Required value"],
    [
      "livenessProbe: {exec: {command: [a]}, successThreshold: 2}",
      "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ],
    [
      "livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}",
      "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1",
    ],
    [
      "readinessProbe: {tcpSocket: {port: 70000}}",
      "spec.containers[0].readinessProbe.tcpSocket.port: Invalid value: 70000: must be between",
    ],
    [
      "imagePullPolicy: Sometimes",
      'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values:',
    ],
    [
      "volumeMounts: [{name: x, mountPath: /x}]",
      'spec.containers[0].volumeMounts[0].name: Not found: "x"',
    ],
    [
      "resources: {limits: {memory: lots}}",
      'spec.containers[0].resources.limits[memory]: Invalid value: "lots"',
    ],
    [
      "resources: {limits: {cpu: 1}, requests: {cpu: 2}}",
      "spec.containers[0].resources.requests[cpu]: Invalid value: must be less than or equal",
    ],
    [
      "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
      "spec.containers[0].env[0].valueFrom.secretKeyRef: Forbidden: a static pod has no API server",
    ],
    [
      "env: [{name: A, value: 5}]",
      "spec.containers[0].env[0].value: Invalid type: expected a string",
    ],
    ["restartPolicy: Always", "spec.containers[0].restartPolicy: Forbidden"],
    ["ports: [{}]", "spec.containers[0].ports[0].containerPort: Required value"],
    ["command: ls", 'spec.containers[0].command: Invalid type: expected a list, got string "ls"'],
  ])("%s", (lines, words) => {
    const found = problems(
      pod(lines.startsWith("image:") ? "" : lines).replace(
        "image: busybox:1",
        lines.startsWith("image:") ? lines : "image: busybox:1",
      ),
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toStartWith(words);
  });

  test.each([
    ["restartPolicy: Ever", 'spec.restartPolicy: Unsupported value: "Ever"'],
    [
      "volumes: [{name: v, configMap: {name: c}}]",
      "spec.volumes[0].configMap: Forbidden: a static pod",
    ],
    ["volumes: [{name: v}]", "spec.volumes[0]: Required value: must specify a volume type"],
    [
      "volumes: [{name: v, hostPath: {path: a}}]",
      'spec.volumes[0].hostPath.path: Invalid value: "a"',
    ],
    ["terminationGracePeriodSeconds: -1", "spec.terminationGracePeriodSeconds: Invalid value: -1"],
    [
      "hostNetwork: 'yes'",
      'spec.hostNetwork: Invalid type: expected true or false, got string "yes"',
    ],
    ["dnsPolicy: None", "spec.dnsConfig.nameservers: Required value"],
    ["initContainers: [{name: app, image: b}]", 'spec.containers[0].name: Duplicate value: "app"'],
    [
      "initContainers: [{name: i, image: b, startupProbe: {exec: {command: [a]}}}]",
      "spec.initContainers[0].startupProbe: Forbidden: may not be set for init containers",
    ],
  ])("%s", (lines, words) => {
    const found = problems(pod("", lines));
    expect(found).toHaveLength(1);
    expect(found[0]).toStartWith(words);
  });
});

test("every error of a manifest is told at once", () => {
  const found = problems("kind: Pod\nmetadata: {name: A_b}\nspec: {containers: [{image: x}]}");
  expect(found.map((line) => line.split(":")[0])).toEqual([
    "apiVersion",
    "metadata.name",
    "spec.containers[0].name",
  ]);
});

test("unknown fields are warned of by name, with the name that was meant", () => {
  const text = pod(
    "comand: [ls]\nlivenessProbe: {exec: {command: [ls], shell: sh}}",
    "colour: red",
  );
  expect(problems(text)).toEqual([]);
  expect(warnings(text)).toEqual([
    "spec.containers[0].livenessProbe.exec.shell: unknown field, ignored",
    "spec.containers[0].comand: unknown field, ignored (did you mean command?)",
    "spec.colour: unknown field, ignored",
  ]);
});

test.each([
  ["a scalar", "hello", "Invalid type: expected an object"],
  ["a tab", "kind: Pod\n\tx: 1", "Tabs"],
  ["a name twice", "kind: Pod\nkind: Pod", "unique"],
  ["another kind", "apiVersion: v1\nkind: Service", "a static manifest holds Pods"],
  ["an alias bomb", bomb(), "alias"],
  ["an unclosed brace", '{"kind": "Pod"', ""],
])("%s is told", (_, text, words) => {
  expect(problems(text).join("\n")).toContain(words);
  expect(problems(text).length).toBeGreaterThan(0);
});

test("a broken document leaves those beside it alone", () => {
  const text = `${pod()}\n---\nkind: Pod\nspec: 5\n---\n${pod().replace("web", "other")}`;
  const entries = read(text);
  expect(entries.map((entry) => entry.pod?.name)).toEqual(["web-node", undefined, "other-node"]);
  expect(entries[1]!.origin).toBe("/manifests/a.yaml#2");
});

test("YAML is Kubernetes' own: octal modes, yes for true, and times are texts", () => {
  const volumes = "volumes: [{name: d, downwardAPI: {defaultMode: 0600, items: []}}]";
  const [entry] = read(pod("args: [12:30, 2020-01-01]", `hostNetwork: yes\n${volumes}`));
  expect(entry!.errors).toEqual([]);
  expect(entry!.pod!.spec.volumes[0]).toMatchObject({ mode: 0o600 });
  expect(entry!.pod!.spec.hostNetwork).toBe(true);
  expect(entry!.pod!.spec.containers[0]!.args).toEqual(["12:30", "2020-01-01"]);
});

test("JSON and PodList are read as YAML is", () => {
  const one = { metadata: { name: "a" }, spec: { containers: [{ name: "c", image: "i" }] } };
  const list = { apiVersion: "v1", kind: "PodList", items: [{ apiVersion: "v1", ...one }] };
  expect(read(JSON.stringify(list)).map((entry) => entry.pod?.name)).toEqual(["a-node"]);
  expect(read(JSON.stringify({ apiVersion: "v1", kind: "Pod", ...one }))[0]!.errors).toEqual([]);
});

test("the uid is the content's: the same text at the same place has the same", () => {
  const uid = (text: string) => read(text)[0]!.pod!.uid;
  expect(uid(pod())).toBe(uid(pod()));
  expect(uid(pod())).not.toBe(uid(pod("args: [x]")));
});

function bomb(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++) {
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
  }
  return lines.join("\n");
}
