import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chainIds } from "./chain_id.ts";

test("each chain id is made of the one below and the layer's own", () => {
  const [a, b] = ["sha256:aa", "sha256:bb"];
  const second = createHash("sha256").update("sha256:aa sha256:bb").digest("hex");
  expect(chainIds([a!, b!])).toEqual([a!, `sha256:${second}`]);
  expect(chainIds([])).toEqual([]);
});
