import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
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

test("nobody at the socket is told as such", async () => {
  const address = join(folder, "none.sock");
  const { services, close } = connectCri(address, { layer: "containerd" });
  await expect(services.runtime.version({}, {})).rejects.toThrow(`dial unix ${address}`);
  close();
});
