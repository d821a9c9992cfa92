import type { Descriptor } from "#lib/registry/manifest.ts";

/** The digest of a tar without entries: a step that changed no file makes no layer. */
export const EMPTY_TAR = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/** A layer that a step made. */
export interface StepLayer {
  descriptor: Descriptor;
  diffId: string;
}
