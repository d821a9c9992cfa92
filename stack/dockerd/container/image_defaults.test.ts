import { expect, test } from "bun:test";
import type { ImageConfig } from "../images/image_types.ts";
import { commandOf, mergeImageDefaults } from "./image_defaults.ts";

const image: ImageConfig = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
  config: {
    Env: ["PATH=/bin", "A=image"],
    Cmd: ["serve"],
    Entrypoint: ["/entry"],
    User: "app",
    Labels: { a: "1", b: "1" },
    Volumes: { "/data": {} },
  },
};

test("the client's word goes before the image's", () => {
  const merged = mergeImageDefaults({ Env: ["A=client"], Labels: { b: "2" } }, image);
  expect(merged.Env).toEqual(["A=client", "PATH=/bin"]);
  expect(merged.Labels).toEqual({ a: "1", b: "2" });
  expect(merged.User).toBe("app");
  expect(commandOf(merged)).toEqual(["/entry", "serve"]);
});

test("entrypoint and command replace each other as dockerd has it", () => {
  const args = (given: object) => commandOf(mergeImageDefaults(given, image));
  expect(args({ Cmd: ["x"] })).toEqual(["/entry", "x"]);
  expect(args({ Entrypoint: ["/sh"] })).toEqual(["/sh"]);
  expect(args({ Entrypoint: [""], Cmd: ["x"] })).toEqual(["x"]);
  expect(() => args({ Entrypoint: [""] })).toThrow("no command specified");
});
