import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ImageStoreSchema } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import {
  fullName,
  IMAGE_NAME,
  namesOfImported,
  namesOfWhole,
  REFERENCE_NAME,
} from "./image_names.ts";

const image = (annotations: Record<string, string>) => ({
  mediaType: "",
  digest: "sha256:1",
  size: 1,
  annotations,
});
const prefixed = (wanted: object) =>
  create(ImageStoreSchema, { extraReferences: [{ name: "e.org/a", isPrefix: true, ...wanted }] });

test("an image is named by its annotations, below the prefix", () => {
  const names = (wanted: object, reference: string) =>
    namesOfImported(prefixed(wanted), image({ [REFERENCE_NAME]: reference }));
  expect(names({}, "1")).toEqual(["e.org/a:1"]);
  expect(names({}, "e.org/a/b:2")).toEqual(["e.org/a/b:2"]);
  expect(names({}, "e.org/ab:2")).toEqual([]);
  expect(names({ allowOverwrite: true }, "e.org/ab:2")).toEqual(["e.org/ab:2"]);
  const containerd = (wanted: object, name: string) =>
    namesOfImported(prefixed(wanted), image({ [IMAGE_NAME]: name }));
  expect(containerd({}, "x:1")).toEqual([]);
  expect(containerd({}, "e.org/a:1")).toEqual(["e.org/a:1"]);
  expect(containerd({ allowOverwrite: true }, "x:1")).toEqual(["x:1"]);
});

test("digests name what has no other name, or everything", () => {
  const named = image({ [REFERENCE_NAME]: "1" });
  expect(namesOfImported(prefixed({ addDigest: true }), image({}))).toEqual(["e.org/a@sha256:1"]);
  expect(namesOfImported(prefixed({ addDigest: true }), named)).toHaveLength(2);
  const skipping = prefixed({ addDigest: true, skipNamedDigest: true });
  expect(namesOfImported(skipping, named)).toEqual(["e.org/a:1"]);
});

test("what comes as a whole has the store's name and the whole references", () => {
  const store = create(ImageStoreSchema, { name: "a", extraReferences: [{ name: "b" }] });
  expect(namesOfWhole(store, image({}))).toEqual(["a", "b"]);
});

test("docker's short names are made whole", () => {
  expect(fullName("busybox:1")).toBe("docker.io/library/busybox:1");
  expect(fullName("me/app")).toBe("docker.io/me/app");
  expect(fullName("localhost/app")).toBe("localhost/app");
  expect(fullName("r.example.org:5000/app")).toBe("r.example.org:5000/app");
});
