import { charging } from "./charging/cases.ts";
import { confinement } from "./confinement/cases.ts";
import { vulnerabilities } from "./cve/cases.ts";
import { devices } from "./devices/cases.ts";
import { exec } from "./exec/cases.ts";
import type { Feature } from "./harness/case_types.ts";
import { hooks } from "./hooks/cases.ts";
import { idMaps } from "./id_maps/cases.ts";
import { lifecycle } from "./lifecycle/cases.ts";
import { mounts } from "./mounts/cases.ts";
import { namespaces } from "./namespaces/cases.ts";
import { network } from "./network/cases.ts";
import { oddInput } from "./odd_input/cases.ts";
import { outputs } from "./outputs/cases.ts";
import { processTraits } from "./process_traits/cases.ts";
import { resources } from "./resources/cases.ts";
import { rootlessFeature } from "./rootless/cases.ts";
import { seccomp } from "./seccomp/cases.ts";
import { streamsFeature } from "./streams/cases.ts";

/** Every part that is tried, in the table's order. */
export const FEATURES: Feature[] = [
  ...[namespaces, network, idMaps, mounts, devices, confinement, processTraits, resources],
  charging,
  ...[lifecycle, exec, hooks, seccomp, streamsFeature, outputs, oddInput, rootlessFeature],
  vulnerabilities,
];
