/** Labels that every kubelet gives, by which runtimes, crictl and cAdvisor know its containers. */
export const LABEL = {
  pod: "io.kubernetes.pod.name",
  namespace: "io.kubernetes.pod.namespace",
  uid: "io.kubernetes.pod.uid",
  container: "io.kubernetes.container.name",
} as const;

/** Annotations of a kubelet on what it makes. */
export const NOTE = {
  source: "kubernetes.io/config.source",
  hash: "io.kubernetes.container.hash",
  restarts: "io.kubernetes.container.restartCount",
  messagePath: "io.kubernetes.container.terminationMessagePath",
  messagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  grace: "io.kubernetes.pod.terminationGracePeriod",
} as const;
