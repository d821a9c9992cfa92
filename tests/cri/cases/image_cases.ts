import { expect } from "bun:test";
import { waitUntil } from "../../lib/wait_until.ts";
import type { CriCase } from "../conformance.ts";
import { refusal } from "../test_pod.ts";

/** Images that are there, and that are not. */
export const IMAGE_CASES: CriCase[] = [
  {
    name: "images: listed, by name and by id",
    run: async ({ plan, services: { image }, image: name }) => {
      const { images } = await image.listImages({}, {});
      const found = images.find(({ repoTags }) => repoTags.includes(name));
      expect(found?.size).toBeGreaterThan(100_000n);
      for (const ref of [name, found!.id]) {
        const { image: status } = await image.imageStatus({ image: { image: ref } }, {});
        expect(status).toMatchObject({ id: found!.id, repoTags: [name] });
        expect(status?.uid).toBeUndefined();
      }
      // The control lists all images whatever the filter.
      if (plan.kind === "control") return;
      const filter = { image: { image: name } };
      const filtered = await image.listImages({ filter }, {});
      expect(filtered.images.map(({ id }) => id)).toEqual([found!.id]);
    },
  },
  {
    name: "images: one that is missing has no status, cannot be pulled, need not be removed",
    run: async ({ services: { image } }) => {
      const missing = { image: "127.0.0.1:9/catest-none:latest" };
      expect((await image.imageStatus({ image: missing }, {})).image).toBeUndefined();
      await image.removeImage({ image: missing }, {});
      const { message } = await refusal(image.pullImage({ image: missing }, {}));
      expect(message).toContain("127.0.0.1:9/catest-none");
    },
  },
  {
    name: "images: the file system that they lie on",
    run: async ({ services: { image }, sandbox }) => {
      // containerd measures every ten seconds, the first time some seconds after its start.
      await waitUntil("the file system was measured", async () => {
        const { imageFilesystems } = await image.imageFsInfo({}, {});
        expect(imageFilesystems[0]?.fsId?.mountpoint).toStartWith(sandbox.folder);
        return (imageFilesystems[0]?.usedBytes?.value ?? 0n) > 0n;
      });
    },
  },
];
