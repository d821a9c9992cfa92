import { describeConformance } from "../guest/conformance_lane.ts";

describeConformance("systemd", 2);
