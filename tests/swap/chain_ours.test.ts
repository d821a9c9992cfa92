import { CTR_ON_OUR_DAEMON, OUR_DAEMON, OUR_SPLIT_STACK } from "./chain_plans.ts";
import { describeChain } from "./chain_scenario.ts";

for (const plan of [OUR_DAEMON, CTR_ON_OUR_DAEMON, OUR_SPLIT_STACK]) describeChain(plan);
