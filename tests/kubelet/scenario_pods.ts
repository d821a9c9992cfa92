import { APP_IMAGE } from "./pod_images.ts";

/** A container of the test image that runs a shell script. */
export function shell(name: string, script: string, more: object = {}): object {
  return {
    name,
    image: APP_IMAGE,
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", script],
    ...more,
  };
}

/** A pod in the host's network: no CNI plugin is needed. */
export function pod(name: string, spec: object, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: { hostNetwork: true, terminationGracePeriodSeconds: 3, ...spec },
  };
}

/** Runs until it is told to end. */
export const STAY = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";

/** Often, and with patience: on a busy machine an exec takes seconds. */
const quick = { periodSeconds: 1, timeoutSeconds: 30 };

/** Two containers with probes of every kind; `ports` are where they serve, or others for them. */
export function probedPod(ports: { http: number; grpc: number }): object {
  const serve = `mkdir /www; echo fine > /www/ok; httpd -p ${ports.http} -h /www; touch /alive`;
  return pod("probed", {
    containers: [
      shell("web", `${serve}; ${STAY}`, {
        ports: [{ name: "web", containerPort: ports.http }],
        startupProbe: { ...quick, tcpSocket: { port: "web" }, failureThreshold: 30 },
        livenessProbe: {
          ...quick,
          failureThreshold: 1,
          exec: { command: ["test", "-e", "/alive"] },
        },
        readinessProbe: { ...quick, httpGet: { path: "/ok", port: "web" } },
      }),
      shell("side", STAY, { readinessProbe: { ...quick, grpc: { port: ports.grpc } } }),
    ],
  });
}

/** Init container, sidecar and ordinary container, who sign in one emptyDir in their order. */
export function orderedPod(): object {
  const data = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
  const env = [
    { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "TEAM", valueFrom: { fieldRef: { fieldPath: "metadata.labels['team']" } } },
    { name: "MEM", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
    { name: "ALL", value: "$(POD)/$(TEAM) $$(POD)" },
  ];
  const say = 'echo "$ALL $MEM"; cat /data/order; echo trouble >&2';
  return pod(
    "ordered",
    {
      volumes: [
        { name: "data", emptyDir: {} },
        {
          name: "info",
          downwardAPI: { items: [{ path: "l", fieldRef: { fieldPath: "metadata.labels" } }] },
        },
      ],
      initContainers: [
        shell("first", "echo first >> /data/order", data),
        shell("proxy", `sleep 1; echo proxy >> /data/order; touch /up; ${STAY}`, {
          ...data,
          restartPolicy: "Always",
          startupProbe: {
            ...quick,
            exec: { command: ["test", "-e", "/up"] },
            failureThreshold: 30,
          },
        }),
      ],
      containers: [
        shell("main", `echo main >> /data/order; ${say}; cat /info/l; echo; ${STAY}`, {
          env,
          volumeMounts: [...data.volumeMounts, { name: "info", mountPath: "/info" }],
          resources: {
            limits: { memory: "64Mi", cpu: "500m" },
            requests: { memory: "32Mi", cpu: "250m" },
          },
        }),
      ],
    },
    { labels: { team: "blue" } },
  );
}

/** A container that ends at once with code 3, for ever. */
export function crashingPod(): object {
  return pod("crashing", {
    containers: [shell("app", "echo going down; echo last words > /dev/termination-log; exit 3")],
  });
}

/** Ends well at its second attempt, and is not started again. */
export function onFailurePod(folder: string): object {
  return pod("onfailure", {
    restartPolicy: "OnFailure",
    volumes: [{ name: "host", hostPath: { path: folder, type: "DirectoryOrCreate" } }],
    containers: [
      shell("app", "if test -e /host/tried; then exit 0; fi; touch /host/tried; exit 1", {
        volumeMounts: [{ name: "host", mountPath: "/host" }],
      }),
    ],
  });
}

/** Never started again, whether it fails or not. */
export function neverPod(name: string, code: number): object {
  return pod(name, { restartPolicy: "Never", containers: [shell("app", `exit ${code}`)] });
}

/** Signs its hooks and its end in a folder of the host. */
export function hookedPod(folder: string): object {
  const sign = (word: string) => ({
    exec: { command: ["sh", "-c", `echo ${word} >> /host/signed`] },
  });
  const script =
    "trap 'echo term >> /host/signed; exit 0' TERM; while :; do sleep 1000 & wait $!; done";
  return pod("hooked", {
    terminationGracePeriodSeconds: 60,
    volumes: [{ name: "host", hostPath: { path: folder, type: "DirectoryOrCreate" } }],
    containers: [
      shell("app", script, {
        volumeMounts: [{ name: "host", mountPath: "/host" }],
        lifecycle: { postStart: sign("postStart"), preStop: sign("preStop") },
      }),
    ],
  });
}

/** Prints without end. */
export function chattyPod(): object {
  const line = "0123456789012345678901234567890123456789";
  return pod("chatty", {
    terminationGracePeriodSeconds: 1,
    containers: [shell("app", `while :; do echo ${line}; usleep 20000; done`)],
  });
}

/** An image that is nowhere. */
export function missingImagePod(policy: "Never" | "IfNotPresent"): object {
  const container = {
    ...shell("app", STAY),
    image: "localhost:1/nowhere:1",
    imagePullPolicy: policy,
  };
  return pod(`missing-${policy.toLowerCase()}`, { containers: [container] });
}
