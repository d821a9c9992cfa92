import { describeConformance } from "./conformance.ts";
import { ON_GENUINE_DOCKER } from "./cri_target.ts";

describeConformance(ON_GENUINE_DOCKER);
