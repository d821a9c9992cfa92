import { expect, test } from "bun:test";
import { nearestName } from "./nearest_name.ts";

test("a slip of the finger is found, a stranger is not", () => {
  const known = ["command", "image", "args"];
  expect(nearestName("comand", known)).toBe("command");
  expect(nearestName("iamge", known)).toBe("image");
  expect(nearestName("colour", known)).toBeUndefined();
});
