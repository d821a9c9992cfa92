import { create, fromBinary } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import type { ErrorCode } from "../errors/frame.ts";
import { contextFields, DETAILS_TRAILER } from "./call_fields.ts";
import type { GrpcChannel } from "./grpc_channel.ts";
import { REASON } from "./http2/frame_layout.ts";
import { encodeHeaders } from "./http2/header_encoder.ts";
import type { Field } from "./http2/hpack_tables.ts";
import { CONNECTION_LOST, type Http2Session } from "./http2/http2_session.ts";
import type { Http2Stream, StreamReceiver } from "./http2/http2_stream.ts";
import { ENCODINGS, MessageError, MessageReader, prefixed } from "./message_framing.ts";
import type { MethodCodec } from "./method_codec.ts";
import { decodeMessage } from "./request_head.ts";
import type { CallContext } from "./service.ts";
import { codeNumber } from "./status_codec.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;
/** `grpc-timeout` has at most eight digits. */
const MAX_TIMEOUT_MS = 99_999_999;

/** Who gets what a call brings. */
export interface CallOutcome {
  message: (message: unknown) => void;
  /** How many messages nobody has taken yet. */
  waiting: () => number;
  /** The end; undefined when the server says that all went well. */
  ended: (status: Status | undefined) => void;
}

/** One call of a client: connects if need be, sends, and tells its outcome, of which one end. */
export class ClientCall implements StreamReceiver {
  readonly #channel: GrpcChannel;
  readonly #codec: MethodCodec;
  readonly #context: CallContext;
  readonly #outcome: CallOutcome;
  /** The only message of a question that is no stream. */
  #question: Uint8Array | undefined;
  #stream: Http2Stream | undefined;
  #reader = new MessageReader();
  #owedBytes = 0;
  #answered = false;
  #tries = 0;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #cancel = (): void => this.cancel();

  constructor(
    channel: GrpcChannel,
    codec: MethodCodec,
    context: CallContext,
    outcome: CallOutcome,
  ) {
    this.#channel = channel;
    this.#codec = codec;
    this.#context = context;
    this.#outcome = outcome;
  }

  /** Begins the call. `question` is all that is sent; without it `sendAll` follows. */
  begin(question?: unknown): void {
    this.#channel.count(1);
    const { signal, timeoutMs } = this.#context;
    if (signal?.aborted) {
      this.cancel();
      return;
    }
    signal?.addEventListener("abort", this.#cancel, { once: true });
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.#tooLate(), Math.min(timeoutMs, MAX_TIMER_MS));
    }
    if (this.#codec.streamsIn) return;
    try {
      this.#question = prefixed(this.#codec.encodeRequest(question));
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { session } = this.#channel;
    if (session) this.#open(session);
    else void this.#connected().then((ready) => ready && this.#open(ready));
  }

  /** Sends what a stream of requests yields. `failed` gets what that throws; the call ends then. */
  async sendAll(
    requests: AsyncIterable<unknown>,
    failed: (thrown: unknown) => void,
  ): Promise<void> {
    const session = this.#channel.session ?? (await this.#connected());
    if (session) this.#open(session);
    try {
      for await (const request of requests) {
        if (this.#over) return;
        this.#stream?.sendData(prefixed(this.#codec.encodeRequest(request)), false);
        const room = this.#stream?.room();
        if (room) await room;
      }
    } catch (thrown) {
      failed(thrown);
      this.cancel();
    }
    if (!this.#over) this.#stream?.sendData(new Uint8Array(0), true);
  }

  /** Leaves the call. */
  cancel(): void {
    this.#giveUp("cancelled", "Cancelled on client");
  }

  /** All messages were taken: the server may send more. */
  taken(): void {
    this.#stream?.taken(this.#owedBytes);
    this.#owedBytes = 0;
  }

  fields(fields: Field[], ended: boolean): void {
    const named = new Map(fields);
    if (!this.#answered && !ended) {
      this.#answered = true;
      this.#reader = new MessageReader(named.get("grpc-encoding"));
      const http = named.get(":status");
      if (http !== "200") this.#giveUp("unavailable", `the server answered HTTP ${http}`);
      return;
    }
    if (!ended) return;
    if (this.#reader.incomplete) this.#end(status("internal", "the last message is cut short"));
    else this.#end(statusOf(named));
  }

  data(bytes: Uint8Array, ended: boolean): void {
    if (this.#over) return;
    this.#owedBytes += bytes.length;
    try {
      this.#reader.push(bytes, (message) => {
        this.#outcome.message(this.#codec.decodeReply(message));
      });
    } catch (error) {
      this.#fail(error);
      this.#stream?.reset(REASON.CANCEL);
      return;
    }
    if (this.#outcome.waiting() <= 1) this.taken();
    if (ended) this.#end(status("internal", "the server ended the call without a status"));
  }

  lost(reason: number): void {
    if (this.#over) return;
    // A server that refused it did not look at it: another try can do no harm.
    if (reason === REASON.REFUSED_STREAM && this.#question && this.#tries < 2) {
      this.#stream = undefined;
      void this.#connected().then((session) => session && this.#open(session));
      return;
    }
    this.#end(lostStatus(reason));
  }

  async #connected(): Promise<Http2Session | undefined> {
    try {
      return await this.#channel.connect();
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      const words = `No connection established. Last error: ${code} ${message}`;
      this.#end(status("unavailable", words));
      return undefined;
    }
  }

  #open(session: Http2Session): void {
    if (this.#over) return;
    this.#tries += 1;
    session.batch(() => {
      this.#stream = session.open(this.#head(), this);
      if (this.#question) this.#stream.sendData(this.#question, true);
    });
  }

  #head(): Uint8Array {
    const fields = contextFields(this.#context);
    const { timeoutMs } = this.#context;
    if (timeoutMs !== undefined) {
      const ms = Math.min(Math.max(Math.ceil(timeoutMs), 0), MAX_TIMEOUT_MS);
      fields.push(["grpc-timeout", `${ms}m`]);
    }
    const begin = requestBlock(this.#codec.path);
    return fields.length === 0 ? begin : Buffer.concat([begin, encodeHeaders(fields)]);
  }

  #tooLate(): void {
    this.#giveUp("deadline_exceeded", "Deadline exceeded");
  }

  #giveUp(code: ErrorCode, message: string): void {
    if (this.#over) return;
    this.#end(status(code, message));
    this.#stream?.reset(REASON.CANCEL);
  }

  #fail(error: unknown): void {
    if (error instanceof MessageError) this.#end(status(error.code, error.message));
    else this.#end(status("internal", String(error)));
  }

  #end(ended: Status | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#context.signal?.removeEventListener("abort", this.#cancel);
    this.#channel.count(-1);
    this.#outcome.ended(ended);
  }
}

const BLOCKS = new Map<string, Uint8Array>();

/** The fields that all calls of a method begin with, encoded once. */
function requestBlock(path: string): Uint8Array {
  const known = BLOCKS.get(path);
  if (known) return known;
  const block = encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ["user-agent", "grpc-catena"],
    ["grpc-accept-encoding", ENCODINGS],
  ]);
  BLOCKS.set(path, block);
  return block;
}

function status(code: ErrorCode, message: string): Status {
  return create(StatusSchema, { code: codeNumber(code), message });
}

/** What trailers say; undefined for success. */
function statusOf(fields: Map<string, string>): Status | undefined {
  const code = Number(fields.get("grpc-status") ?? Number.NaN);
  if (code === 0) return undefined;
  if (!Number.isInteger(code)) {
    return status("unknown", `an answer without a status, HTTP ${fields.get(":status") ?? "?"}`);
  }
  const message = decodeMessage(fields.get("grpc-message") ?? "");
  const details = detailsOf(fields.get(DETAILS_TRAILER));
  return create(StatusSchema, { code, message, details });
}

/** Details that came as base64 from a foreign process; none when they do not parse. */
function detailsOf(value: string | undefined): Status["details"] {
  try {
    return value ? fromBinary(StatusSchema, Buffer.from(value, "base64")).details : [];
  } catch {
    return [];
  }
}

function lostStatus(reason: number): Status {
  if (reason === CONNECTION_LOST) return status("unavailable", "the connection was lost");
  if (reason === REASON.REFUSED_STREAM) return status("unavailable", "the server refused the call");
  if (reason === REASON.CANCEL) return status("cancelled", "the server cancelled the call");
  if (reason === REASON.ENHANCE_YOUR_CALM) {
    return status("resource_exhausted", "the server asks for fewer calls");
  }
  return status("internal", `the server reset the call with code ${reason}`);
}
