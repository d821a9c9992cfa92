import { describeConformance } from "./conformance.ts";
import { CONTROL } from "./cri_target.ts";

describeConformance(CONTROL);
