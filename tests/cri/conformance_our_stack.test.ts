import { describeConformance } from "./conformance.ts";
import { OURS } from "./cri_target.ts";

describeConformance(OURS);
