import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ContainerMetadataSchema } from "#gen/wire/cri/proto/container_config_pb.ts";
import { PodSandboxMetadataSchema } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { containerName, parseName, sandboxName } from "./docker_name.ts";

const pod = create(PodSandboxMetadataSchema, {
  name: "web-0",
  namespace: "default",
  uid: "1234-5678",
  attempt: 2,
});

test("names carry the pod's metadata and give it back", () => {
  const container = create(ContainerMetadataSchema, { name: "app", attempt: 3 });
  expect(sandboxName(pod)).toBe("k8s_POD_web-0_default_1234-5678_2");
  expect(containerName(pod, container)).toBe("k8s_app_web-0_default_1234-5678_3");
  expect(parseName("/k8s_app_web-0_default_1234-5678_3_0badcafe")).toEqual({
    container: "app",
    pod: "web-0",
    namespace: "default",
    uid: "1234-5678",
    attempt: 3,
  });
});

test("other containers' names are told apart", () => {
  for (const name of ["/web", "k8s_a_b", "x_POD_a_b_c_0", "k8s_POD_a_b_c_x"]) {
    expect(parseName(name)).toBeUndefined();
  }
});
