import { describeConformance } from "../guest/conformance_lane.ts";

describeConformance("v2", 1);
