/*
 * A Docker container has labels only: CRI labels keep their names, CRI annotations get a prefix,
 * and what the dockershim itself must know lies beside them and is hidden in replies. The names are
 * those of every dockershim, so that one can take over another's pods.
 */
const TYPE = "io.kubernetes.docker.type";
const LOG_PATH = "io.kubernetes.container.logpath";
const SANDBOX_ID = "io.kubernetes.sandbox.id";
const ANNOTATION = "annotation.";
const HIDDEN = new Set([TYPE, LOG_PATH, SANDBOX_ID]);

export type ContainerKind = "podsandbox" | "container";
type Texts = Record<string, string>;

/** The filter by which a list holds sandboxes or containers of a dockershim alone. */
export function kindFilter(kind: ContainerKind): string {
  return `${TYPE}=${kind}`;
}

/** The filter for containers of one sandbox. */
export function sandboxFilter(sandboxId: string): string {
  return `${SANDBOX_ID}=${sandboxId}`;
}

/** Labels of a sandbox's pause container. */
export function sandboxLabels(labels: Texts, annotations: Texts): Texts {
  return { ...merged(labels, annotations), [TYPE]: "podsandbox" };
}

/** Labels of a container. `logPath` is where its log is written, "" for nowhere. */
export function containerLabels(
  labels: Texts,
  annotations: Texts,
  own: { sandboxId: string; logPath: string },
): Texts {
  return {
    ...merged(labels, annotations),
    [TYPE]: "container",
    [SANDBOX_ID]: own.sandboxId,
    [LOG_PATH]: own.logPath,
  };
}

function merged(labels: Texts, annotations: Texts): Texts {
  const out: Texts = { ...labels };
  for (const [key, value] of Object.entries(annotations)) out[`${ANNOTATION}${key}`] = value;
  return out;
}

export interface ReadLabels {
  kind: ContainerKind | undefined;
  labels: Texts;
  annotations: Texts;
  sandboxId: string;
  logPath: string;
}

/** Takes a Docker container's labels apart again. */
export function readLabels(given: Texts | null | undefined): ReadLabels {
  const labels: Texts = {};
  const annotations: Texts = {};
  for (const [key, value] of Object.entries(given ?? {})) {
    if (HIDDEN.has(key)) continue;
    if (key.startsWith(ANNOTATION)) annotations[key.slice(ANNOTATION.length)] = value;
    else labels[key] = value;
  }
  const kind = given?.[TYPE];
  return {
    kind: kind === "podsandbox" || kind === "container" ? kind : undefined,
    labels,
    annotations,
    sandboxId: given?.[SANDBOX_ID] ?? "",
    logPath: given?.[LOG_PATH] ?? "",
  };
}
