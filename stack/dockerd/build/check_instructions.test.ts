import { expect, test } from "bun:test";
import { checkInstructions } from "./check_instructions.ts";
import { parseDockerfile } from "./dockerfile.ts";

const check = (step: string) => {
  const { stages, escapeChar } = parseDockerfile(`FROM a\n${step}\n`);
  checkInstructions(stages, escapeChar);
};

test.each([
  ["ENV", "line 2: ENV requires at least one argument"],
  ["ENV A=1 B", `failed to parse Dockerfile: Syntax error - can't find = in "B"`],
  ["ENV =1", "ENV names can not be blank"],
  ["ARG =x", "ARG names can not be blank"],
  ["LABEL x", "failed to parse Dockerfile: LABEL must have two arguments"],
  ["WORKDIR", "WORKDIR requires exactly one argument"],
  ["COPY a", "COPY requires at least two arguments, but only one was provided"],
  ["COPY --from a /b", "Missing a value on flag: from"],
  ["COPY --chown=1 --chown=2 a /b", "Duplicate flag specified: chown"],
  ["ADD --nope a /b", "Unknown flag: nope"],
  ["VOLUME []", "VOLUME requires at least one argument"],
  ['VOLUME [" "]', "VOLUME specified can not be an empty string"],
  ["SHELL sh", "SHELL requires the arguments to be in JSON form"],
  ["SHELL []", "SHELL requires at least one argument"],
  ["HEALTHCHECK", "HEALTHCHECK requires at least one argument"],
  ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
  ["HEALTHCHECK FOO x", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ["HEALTHCHECK --interval=0 CMD x", 'Interval "interval" cannot be less than 1ms'],
  ["HEALTHCHECK --retries=0 CMD x", "--retries must be at least 1 (not 0)"],
  ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["ONBUILD FROM x", "line 2: FROM isn't allowed as an ONBUILD trigger"],
])("%s is refused", (step, reason) => {
  expect(() => check(step)).toThrow(reason);
});

test.each([
  "RUN",
  "CMD",
  "ENTRYPOINT",
  "ENV a b c",
  "ARG a=1 b",
  "RUN --mount=type=cache,target=/x true",
  "COPY --link a /b",
  "HEALTHCHECK NONE",
  "ONBUILD FOO",
])("%s is well formed", (step) => {
  expect(() => check(step)).not.toThrow();
});
