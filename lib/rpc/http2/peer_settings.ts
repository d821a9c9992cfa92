import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Http2Error,
  MAX_WINDOW_BYTES,
  REASON,
  readU32,
} from "./frame_layout.ts";

const SETTING_BYTES = 6;

const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** What a peer has said of itself and of what it takes (RFC 9113, section 6.5). */
export class PeerSettings {
  windowBytes = DEFAULT_WINDOW_BYTES;
  frameBytes = DEFAULT_FRAME_BYTES;
  maxStreams = Number.POSITIVE_INFINITY;

  /** Takes a SETTINGS frame's payload. Throws Http2Error for what may not be said. */
  take(payload: Uint8Array): void {
    if (payload.length % SETTING_BYTES !== 0) {
      throw new Http2Error(REASON.FRAME_SIZE_ERROR, "settings of a wrong length");
    }
    for (let at = 0; at < payload.length; at += SETTING_BYTES) {
      this.#set(payload[at]! * 256 + payload[at + 1]!, readU32(payload, at + 2));
    }
  }

  #set(setting: number, value: number): void {
    if (setting === SETTING.ENABLE_PUSH && value > 1) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, `push ${value}`);
    }
    if (setting === SETTING.MAX_CONCURRENT_STREAMS) this.maxStreams = value;
    if (setting === SETTING.INITIAL_WINDOW_SIZE) {
      if (value > MAX_WINDOW_BYTES) {
        throw new Http2Error(REASON.FLOW_CONTROL_ERROR, `a window of ${value} bytes`);
      }
      this.windowBytes = value;
    }
    if (setting === SETTING.MAX_FRAME_SIZE) {
      if (value < DEFAULT_FRAME_BYTES || value >= 2 ** 24) {
        throw new Http2Error(REASON.PROTOCOL_ERROR, `frames of ${value} bytes`);
      }
      this.frameBytes = value;
    }
  }
}

/**
 * The payload of our SETTINGS frame: a server's says how many streams it takes at a time, a
 * client's that it wants no pushes.
 */
export function ownSettings(maxStreams: number | undefined, windowBytes: number): Uint8Array {
  const settings = [
    maxStreams === undefined
      ? ([SETTING.ENABLE_PUSH, 0] as const)
      : ([SETTING.MAX_CONCURRENT_STREAMS, maxStreams] as const),
    [SETTING.INITIAL_WINDOW_SIZE, windowBytes] as const,
  ];
  const out = Buffer.alloc(SETTING_BYTES * settings.length);
  for (const [index, [setting, value]] of settings.entries()) {
    out.writeUInt16BE(setting, SETTING_BYTES * index);
    out.writeUInt32BE(value, SETTING_BYTES * index + 2);
  }
  return out;
}
