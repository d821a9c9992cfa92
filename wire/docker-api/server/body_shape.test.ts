import { expect, test } from "bun:test";
import { checkShape, type Shape, STRING_MAP, STRINGS } from "./body_shape.ts";

const shape: Shape = {
  object: { Image: "string", Cmd: "stringOrStrings", Labels: STRING_MAP, Tty: "bool", N: "int" },
};

test("what the shape names is kept, in any case; the rest is dropped", () => {
  expect(checkShape({ image: "a", Cmd: "ls", Other: 1, Tty: null }, shape, "Body")).toEqual({
    Image: "a",
    Cmd: ["ls"],
    Tty: null,
  });
});

test("a wrong type names the field and both types", () => {
  expect(() => checkShape({ Image: 5 }, shape, "Config")).toThrow(
    "cannot unmarshal number 5 into Go struct field Config.Image of type string",
  );
  expect(() => checkShape({ Cmd: [1] }, shape, "Config")).toThrow("Config.Cmd[0]");
  expect(() => checkShape({ N: 1.5 }, shape, "Config")).toThrow("of type int64");
  expect(() => checkShape([], shape, "Config")).toThrow("cannot unmarshal array");
  expect(() => checkShape({ Tty: "yes" }, shape, "Config")).toThrow("of type bool");
});

test("a label named __proto__ stays a label", () => {
  const given: unknown = JSON.parse('{"Labels":{"__proto__":"x"}}');
  const checked = checkShape(given, shape, "Config") as { Labels: Record<string, string> };
  expect(Object.keys(checked.Labels)).toEqual(["__proto__"]);
});

test("null in an array of strings is the empty string", () => {
  expect(checkShape(["a", null], STRINGS, "Env")).toEqual(["a", ""]);
});
