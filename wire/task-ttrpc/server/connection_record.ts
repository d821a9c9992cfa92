/**
 * Kept by a server whose connections are to outlive its process: told of each connection and call,
 * so that the next process can go on with them.
 */
export interface ConnectionRecord {
  /** A connection came, on descriptor `fd`. Returns the key under which it is known. */
  opened(fd: number): number;
  closed(key: number): void;
  /** A request was taken: it has no answer until `answered`. `data` is the encoded Request. */
  asked(key: number, stream: number, data: Uint8Array): void;
  /** Its answer was written, or was given up with the connection. */
  answered(key: number, stream: number): void;
  /** What came of a frame that is not whole yet; empty when there is none. */
  rest(key: number, bytes: Uint8Array): void;
}

/** A connection that a former process served. */
export interface ResumedConnection {
  key: number;
  fd: number;
  /** Requests without an answer. One not to be done `again` is told that it was cut short. */
  calls: { stream: number; data: Uint8Array; again: boolean }[];
  rest: Uint8Array;
}
