import { expect, test } from "bun:test";
import { podOfLabels, podOfName } from "./pod_place.ts";

test("a pod is known by containerd's annotations and by a dockershim's names", () => {
  const labels = new Map([
    ["io.kubernetes.cri.sandbox-name", "web-0"],
    ["io.kubernetes.cri.sandbox-namespace", "shop"],
    ["io.kubernetes.cri.container-name", "app"],
  ]);
  const place = { namespace: "shop", pod: "web-0", container: "app" };
  expect(podOfLabels((key) => labels.get(key))).toEqual(place);
  labels.delete("io.kubernetes.cri.container-name");
  expect(podOfLabels((key) => labels.get(key))).toEqual({ ...place, container: "POD" });
  expect(podOfName("k8s_app_web-0_shop_0e5c-11_2")).toEqual(place);
});

test("what is in no pod has none", () => {
  expect(podOfLabels(() => undefined)).toBeUndefined();
  for (const name of ["web", "k8s_", "k8s_app_web", "my_k8s_app_pod_ns_uid"]) {
    expect(podOfName(name)).toBeUndefined();
  }
});
