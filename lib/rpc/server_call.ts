import { toBinary } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import { failure } from "../errors/chain_error.ts";
import type { ErrorCode } from "../errors/frame.ts";
import { contextOf, DETAILS_TRAILER } from "./call_fields.ts";
import { encodeHeaders } from "./http2/header_encoder.ts";
import type { Field } from "./http2/hpack_tables.ts";
import type { Http2Stream, StreamReceiver } from "./http2/http2_stream.ts";
import { ENCODINGS, MessageError, MessageReader, prefixed } from "./message_framing.ts";
import { MessageQueue } from "./message_queue.ts";
import type { MethodCodec } from "./method_codec.ts";
import { encodeMessage, type RequestHead, timeoutMs } from "./request_head.ts";
import type { CallContext } from "./service.ts";
import type { WireErrors } from "./wire_errors.ts";

/** Peers accept little in trailers: 64 KiB in Node, 16 KiB in some Go servers. */
const MAX_TRAILER_BYTES = 12 * 1024;
/** The longest that a timer of JavaScript takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const ANSWER: readonly Field[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
  ["grpc-accept-encoding", ENCODINGS],
];
const ANSWER_BLOCK = encodeHeaders(ANSWER);
const SUCCESS_BLOCK = encodeHeaders([["grpc-status", "0"]]);

/** Why a call's signal aborts when the server ends, and not its caller. */
export const SHUTDOWN = Symbol("shutdown");

/** A method that is served. */
export interface Route {
  codec: MethodCodec;
  method: (request: unknown, context: CallContext) => unknown;
}

/** One call: takes its messages, runs its method, sends the answer. */
export class ServerCall implements StreamReceiver {
  readonly #stream: Http2Stream;
  readonly #route: Route;
  readonly #errors: WireErrors;
  readonly #context: CallContext;
  readonly #controller = new AbortController();
  readonly #reader: MessageReader;
  readonly #requests: MessageQueue<unknown>;
  readonly #ended: (call: ServerCall) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #owedBytes = 0;
  /** The one message of a question that is no stream. */
  #request: { message: unknown } | undefined;
  #running = false;
  #answering = false;
  #over = false;

  /** `ended` is called when the call is over and its method, if it ran, has ended. */
  constructor(
    stream: Http2Stream,
    head: RequestHead,
    route: Route,
    errors: WireErrors,
    ended: (call: ServerCall) => void,
  ) {
    this.#stream = stream;
    this.#route = route;
    this.#errors = errors;
    this.#ended = ended;
    this.#reader = new MessageReader(head.fields.get("grpc-encoding"));
    this.#requests = new MessageQueue(() => this.#taken());
    const limitMs = timeoutMs(head.fields.get("grpc-timeout"));
    this.#context = contextOf((name) => head.fields.get(name), limitMs, this.#controller.signal);
    if (limitMs !== undefined) {
      this.#timer = setTimeout(() => this.#tooLate(), Math.min(limitMs, MAX_TIMER_MS));
    }
  }

  /** Its method runs: the end of the call is not yet the end of its work. */
  get running(): boolean {
    return this.#running;
  }

  get streams(): boolean {
    return this.#route.codec.streamsOut;
  }

  /** Begins what need not wait for the whole question, which may be `ended` already. */
  begin(ended: boolean): void {
    if (this.#route.codec.streamsIn) void this.#run(this.#requests.read());
    if (ended) this.#asked();
  }

  fields(_fields: Field[], ended: boolean): void {
    if (ended) this.#asked();
  }

  data(bytes: Uint8Array, ended: boolean): void {
    if (this.#over) return;
    this.#owedBytes += bytes.length;
    try {
      this.#reader.push(bytes, (message) => this.#message(message));
    } catch (thrown) {
      this.#refuse(thrown);
      this.#requests.end({ thrown });
      return;
    }
    // What is part of a message that nobody waits behind has to go on.
    if (!this.#route.codec.streamsIn || this.#requests.length <= 1) this.#taken();
    if (ended) this.#asked();
  }

  lost(): void {
    this.#finish();
    this.#controller.abort();
    this.#requests.end({ thrown: new Error("the call was cancelled") });
  }

  /** Tells the method that the server ends. */
  shutDown(): void {
    this.#controller.abort(SHUTDOWN);
  }

  #message(bytes: Uint8Array): void {
    const { codec } = this.#route;
    let message: unknown;
    try {
      message = codec.decodeRequest(bytes);
    } catch (error) {
      throw new MessageError("internal", `failed to unmarshal the request: ${String(error)}`);
    }
    if (codec.streamsIn) this.#requests.push(message);
    else if (this.#request) throw new MessageError("internal", "a second message in the request");
    else this.#request = { message };
  }

  /** The question is whole. */
  #asked(): void {
    if (this.#over) return;
    if (this.#reader.incomplete) {
      const thrown = new MessageError("internal", "the last message of the request is cut short");
      this.#refuse(thrown);
      this.#requests.end({ thrown });
    } else if (this.#route.codec.streamsIn) this.#requests.end();
    else if (this.#request) void this.#run(this.#request.message);
    else this.#refuse(new MessageError("internal", "a request without a message"));
  }

  async #run(request: unknown): Promise<void> {
    const { codec, method } = this.#route;
    this.#running = true;
    try {
      const answer = method(request, this.#context);
      if (codec.streamsOut) await this.#answerAll(answer as AsyncIterable<unknown>);
      else this.#reply(await answer);
    } catch (thrown) {
      this.#refuse(thrown);
    } finally {
      this.#running = false;
      this.#ended(this);
    }
  }

  #reply(reply: unknown): void {
    if (this.#over) return;
    const message = prefixed(this.#route.codec.encodeReply(reply));
    this.#finish();
    this.#stream.answer(ANSWER_BLOCK, message, SUCCESS_BLOCK);
  }

  async #answerAll(replies: AsyncIterable<unknown>): Promise<void> {
    for await (const reply of replies) {
      if (this.#over) return;
      const message = prefixed(this.#route.codec.encodeReply(reply));
      this.#answer();
      this.#stream.sendData(message, false);
      const room = this.#stream.room();
      if (room) await room;
    }
    // A stream that was cut short must not look like one that came to its end.
    if (this.#controller.signal.reason === SHUTDOWN) throw this.#shuttingDown();
    if (this.#over) return;
    this.#answer();
    this.#finish();
    this.#stream.sendHeaders(SUCCESS_BLOCK, true);
  }

  #answer(): void {
    if (this.#answering) return;
    this.#answering = true;
    this.#stream.sendHeaders(ANSWER_BLOCK, false);
  }

  #refuse(thrown: unknown): void {
    if (this.#over) return;
    const { layer } = this.#errors;
    const { op } = this.#route.codec;
    const error =
      thrown instanceof MessageError
        ? failure({ layer, op, code: thrown.code, message: thrown.message })
        : thrown;
    this.#end(this.#errors.toStatus(error, op));
  }

  #tooLate(): void {
    const { layer } = this.#errors;
    const { op } = this.#route.codec;
    const code: ErrorCode = "deadline_exceeded";
    const error = failure({ layer, op, code, message: "context deadline exceeded" });
    this.#end(this.#errors.toStatus(error, op));
    this.#controller.abort();
    this.#requests.end({ thrown: error });
  }

  #end(status: Status): void {
    if (this.#over) return;
    this.#finish();
    const fields: Field[] = this.#answering ? [] : [...ANSWER];
    fields.push(
      ["grpc-status", String(status.code)],
      ["grpc-message", encodeMessage(status.message)],
    );
    const details = detailBytes(status);
    if (details) fields.push([DETAILS_TRAILER, details.toString("base64").replace(/=+$/, "")]);
    this.#stream.sendHeaders(encodeHeaders(fields), true);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    if (!this.#running) this.#ended(this);
  }

  #taken(): void {
    this.#stream.taken(this.#owedBytes);
    this.#owedBytes = 0;
  }

  #shuttingDown() {
    const { layer } = this.#errors;
    const { op } = this.#route.codec;
    return failure({ layer, op, code: "unavailable", message: "the server is shutting down" });
  }
}

/** The status for the details trailer; details are left out, first ones first, until it fits. */
function detailBytes(status: Status): Buffer | undefined {
  for (let from = 0; from < status.details.length; from++) {
    const details = status.details.slice(from);
    const bytes = toBinary(StatusSchema, { ...status, details });
    if (bytes.length <= MAX_TRAILER_BYTES) return Buffer.from(bytes);
  }
  return undefined;
}
