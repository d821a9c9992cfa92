import type { Socket } from "bun";

/** What came back: an HTTP status and the body, or what a hijacked connection carried. */
interface Reply {
  status: number;
  body: string;
}

const HEAD_END = "\r\n\r\n";
/** No answer that the benchmark asks for is longer. */
const LIMIT = 1 << 20;

/**
 * As much of the Docker Engine API as the benchmark times, over a unix socket. Both stacks' times
 * hold the client's own: fetch would add some 1 ms to each exec, so the three requests are written
 * as bytes and no more of the answer is read than tells where it ends.
 */
export class EngineClient {
  readonly #path: string;
  #idle: Connection | undefined;

  constructor(socket: string) {
    this.#path = socket;
  }

  async #request(method: string, path: string, body?: unknown): Promise<string> {
    const connection =
      this.#idle?.closed === false ? this.#idle : await Connection.open(this.#path);
    this.#idle = connection;
    return connection.request(method, path, body);
  }

  /** Closes the connection that is kept for the next request. */
  close(): void {
    this.#idle?.close();
  }

  /** One exec as a program makes it: create, start and read to the end, inspect. */
  async exec(container: string, command: string[]): Promise<void> {
    const options = { Cmd: command, AttachStdout: true, AttachStderr: true };
    const created = await this.#request("POST", `/containers/${container}/exec`, options);
    const { Id: id } = JSON.parse(created) as { Id: string };
    await this.#request("POST", `/exec/${id}/start`, { Detach: false, Tty: false });
    const inspected = await this.#request("GET", `/exec/${id}/json`);
    const { ExitCode: code } = JSON.parse(inspected) as { ExitCode: number };
    if (code !== 0) throw new Error(`exec in ${container}: exit code ${code}`);
  }
}

/** A connection that carries one request at a time. */
class Connection {
  #socket!: Socket;
  #received = "";
  closed = false;
  #look: () => void = () => {};

  static async open(path: string): Promise<Connection> {
    const connection = new Connection();
    const decoder = new TextDecoder("latin1");
    connection.#socket = await Bun.connect({
      unix: path,
      socket: {
        data: (_, bytes) => {
          connection.#received += decoder.decode(bytes);
          connection.#look();
        },
        close: () => {
          connection.closed = true;
          connection.#look();
        },
      },
    });
    return connection;
  }

  close(): void {
    this.#socket.end();
  }

  /** Sends a request; the body of its answer. Rejects unless the status is 2xx. */
  async request(method: string, path: string, body?: unknown): Promise<string> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const head = [
      `${method} /v1.41${path} HTTP/1.1`,
      "Host: docker",
      ...(text ? ["Content-Type: application/json", `Content-Length: ${text.length}`] : []),
    ];
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#look = () => {
        const whole = parseReply(this.#received, this.closed);
        if (whole) resolve(whole);
        else if (this.closed) reject(new Error(`${method} ${path}: the connection was closed`));
        else if (this.#received.length > LIMIT) reject(new RangeError(`${path}: too long`));
      };
    });
    this.#received = "";
    this.#socket.write(head.join("\r\n") + HEAD_END + text);
    const { status, body: answer } = await reply;
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${answer}`);
    return answer;
  }
}

/** The whole answer, or undefined while some of it is missing. */
function parseReply(text: string, closed: boolean): Reply | undefined {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const rest = text.slice(end + HEAD_END.length);
  const status = Number(head.slice(9, 12));
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) {
    return rest.length < Number(length) ? undefined : { status, body: rest };
  }
  if (/^transfer-encoding: *chunked/im.test(head)) {
    if (!rest.endsWith(`0${HEAD_END}`)) return undefined;
    return { status, body: rest.replace(/(^|\r\n)[0-9a-f]+\r\n/gi, "") };
  }
  return closed ? { status, body: rest } : undefined;
}
