import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { connectCri } from "#wire/cri/client/cri_client.ts";
import { serveCri } from "#wire/cri/server.ts";
import { CRI_VERSIONS, type CriImplementation } from "#wire/cri/services.ts";

const folder = mkdtempSync(join(tmpdir(), "cri-"));
const socket = join(folder, "cri.sock");
let server: { close(): Promise<void> };

/** Answers two methods; the rest of the interface is never called here. */
const implementation = {
  runtime: {
    version: async () => ({ version: "0.1.0", runtimeName: "test" }),
    containerStatus: async ({ containerId }: { containerId: string }) => {
      const message = `No such container: ${containerId}`;
      throw failure({ layer: "dockerd", op: "inspect", code: "not_found", message });
    },
  },
  image: { listImages: async () => ({ images: [{ id: "sha256:1", size: 5n }] }) },
} as unknown as CriImplementation;

beforeAll(async () => {
  server = await serveCri(implementation, socket);
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test.each([...CRI_VERSIONS])("%s reaches the same handlers", async (version) => {
  const { services, close } = connectCri(socket, { version });
  expect((await services.runtime.version({}, {})).runtimeName).toBe("test");
  expect((await services.image.listImages({}, {})).images[0]?.size).toBe(5n);
  const error = await services.runtime.containerStatus({ containerId: "x" }, {}).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ChainError);
  expect((error as ChainError).outer).toMatchObject({ layer: "dockerd", code: "not_found" });
  close();
});

/** Of a client's bytes: a head of nine, then the body. */
function frame(type: number, flags: number, stream: number, body: number[]): Buffer {
  return Buffer.from([0, 0, body.length, type, flags, 0, 0, 0, stream, ...body]);
}

/** A header that is in no table: name and value as they are. */
function literal(start: number[], value: string): number[] {
  return [...start, value.length, ...Buffer.from(value)];
}

test("a Go client that sends the socket's path as authority is answered", async () => {
  const name = (text: string) => [0x40, text.length, ...Buffer.from(text)];
  const headers = [
    ...[0x83, 0x86],
    ...literal([0x44], "/runtime.v1.RuntimeService/Version"),
    ...literal([0x41], "/run/catena/cri.sock"),
    ...literal(name("content-type"), "application/grpc"),
    ...literal(name("te"), "trailers"),
  ];
  const sent = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ...[frame(4, 0, 0, []), frame(1, 4, 1, headers), frame(0, 1, 1, [0, 0, 0, 0, 0])],
  ]);
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    const client = connect(socket, () => client.write(sent));
    client.on("error", reject);
    client.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (text.includes("test")) client.destroy();
    });
    client.on("close", () => resolve(text));
  });
  expect(answer).toContain("0.1.0");
});

test("nobody at the socket is told as such", async () => {
  const address = join(folder, "none.sock");
  const { services, close } = connectCri(address, { layer: "containerd" });
  await expect(services.runtime.version({}, {})).rejects.toThrow(`dial unix ${address}`);
  close();
});
