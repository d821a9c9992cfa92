/** What the dashboard's server tells its page, as JSON. Limits that there are not are null. */

/** How near a container is to the limit that it will meet first. */
export interface NextLimit {
  resource: "pids" | "memory" | "descriptors";
  used: number;
  limit: number;
  share: number;
  /** Seconds until the limit; null: no forecast. */
  seconds: number | null;
  earliest: number | null;
  latest: number | null;
}

export interface ContainerRow {
  /** Unique on this host. */
  key: string;
  id: string;
  name: string;
  image: string;
  namespace: string;
  threads: number;
  threadsMax: number | null;
  processes: number;
  descriptors: number;
  descriptorsMax: number | null;
  memoryBytes: number;
  memoryMaxBytes: number | null;
  /** Processors in use. */
  cpu: number;
  forksRefused: number;
  oomKills: number;
  /** 2: a limit is met; above 1: will be within the hour; else the used share of the nearest. */
  danger: number;
  next: NextLimit | null;
  /** Process names by their number of threads. */
  byName: [process: string, threads: number][];
}

export interface HostRow {
  threads: number;
  threadsMax: number | null;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
  load1: number;
}

/** One link of one stack. */
export interface LinkHealth {
  link: string;
  mark: "works" | "fails" | "hangs" | "not-asked" | "not-present";
  detail: string;
  /** How long it took to answer, milliseconds. */
  answerMs: number | null;
  /** Median of what it took itself in the latest traces, milliseconds. */
  medianMs: number | null;
  failures: number;
}

export interface StackHealth {
  /** Its socket, or what it is known by. */
  name: string;
  links: LinkHealth[];
}

export interface TraceRow {
  traceId: string;
  /** Milliseconds since 1970. */
  timeMs: number;
  durationMs: number;
  name: string;
  link: string;
  spans: number;
  failed: boolean;
  /** Whether it got as far as a runtime. */
  reached: boolean;
}

export interface FailureRow {
  id: string;
  timeMs: number;
  message: string;
}

/** An event of the live stream: what changed since the last one. */
export interface LiveEvent {
  timeMs: number;
  host: HostRow;
  rows: ContainerRow[];
  /** Keys of containers that are gone. */
  gone: string[];
  stacks?: StackHealth[];
  traces?: TraceRow[];
  failures?: FailureRow[];
}

/** A container's past, oldest first. */
export interface SeriesReply {
  timesMs: number[];
  threads: number[];
  descriptors: number[];
  memoryBytes: number[];
  cpu: number[];
}

export interface WaterfallSpan {
  link: string;
  name: string;
  depth: number;
  offsetMs: number;
  durationMs: number;
  /** What passed while nothing below it ran. */
  ownMs: number;
  error: string | null;
}

export interface WaterfallReply {
  traceId: string;
  timeMs: number;
  durationMs: number;
  /** What passed while no span ran. */
  betweenMs: number;
  spans: WaterfallSpan[];
}

export interface FrameReply {
  layer: string;
  op: string;
  code: string;
  message: string;
  cause: string | null;
  causeId: string | null;
  fix: string | null;
  evidence: { kind: string; value: string; ref: string | null }[];
}

export interface FailureReply {
  id: string;
  timeMs: number;
  message: string;
  frames: FrameReply[];
}

/** A diagnosis of the doctor. */
export interface DiagnosisReply {
  blind: string | null;
  reports: {
    sentence: string;
    link: string | null;
    cause: string | null;
    confidence: string | null;
    healthy: boolean;
    chain: { link: string; mark: string; detail: string; latencyMs: number | null }[];
    evidence: { kind: string; value: string; ref: string | null }[];
    fix: string[];
    warnings: string[];
  }[];
}
