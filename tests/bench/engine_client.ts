/** As much of the Docker Engine API as the benchmark times, over a unix socket. */
export class EngineClient {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async #request(method: string, path: string, body?: unknown): Promise<Response> {
    const reply = await fetch(`http://docker/v1.41${path}`, {
      method,
      unix: this.#socket,
      headers: { "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return reply;
  }

  /** One exec as a program makes it: create, start and read to the end, inspect. */
  async exec(container: string, command: string[]): Promise<void> {
    const options = { Cmd: command, AttachStdout: true, AttachStderr: true };
    const created = await this.#request("POST", `/containers/${container}/exec`, options);
    const { Id: id } = (await created.json()) as { Id: string };
    const start = { Detach: false, Tty: false };
    await (await this.#request("POST", `/exec/${id}/start`, start)).arrayBuffer();
    const inspected = await this.#request("GET", `/exec/${id}/json`);
    const { ExitCode: code } = (await inspected.json()) as { ExitCode: number };
    if (code !== 0) throw new Error(`exec in ${container}: exit code ${code}`);
  }
}
