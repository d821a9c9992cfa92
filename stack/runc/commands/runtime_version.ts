import manifest from "../../../package.json" with { type: "json" };

/** Our release. */
export const RUNTIME_VERSION: string = manifest.version;
/** Release of the OCI runtime specification that is implemented. */
export const SPEC_VERSION = "1.2.0";
