import type {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
} from "#gen/wire/cri/proto/security_pb.ts";
import { SupplementalGroupsPolicy } from "#gen/wire/cri/proto/security_pb.ts";
import { invalid, unsupported } from "../refusals.ts";

const op = "convert user";

/** `user[:group]` as Docker takes it; "" for the image's own. */
export function userOf(
  context: LinuxContainerSecurityContext | LinuxSandboxSecurityContext,
): string {
  if (context.supplementalGroupsPolicy === SupplementalGroupsPolicy.Strict) {
    throw unsupported(
      op,
      "supplementalGroupsPolicy Strict is not supported: Docker adds the groups of the image",
    );
  }
  const name = "runAsUsername" in context ? context.runAsUsername : "";
  const user = name || (context.runAsUser ? String(context.runAsUser.value) : "");
  if (!context.runAsGroup) return user;
  if (user === "") throw invalid(op, "runAsGroup is specified without a runAsUser");
  return `${user}:${context.runAsGroup.value}`;
}
