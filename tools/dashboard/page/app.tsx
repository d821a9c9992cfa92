import { useEffect, useRef } from "preact/hooks";
import { AttentionList } from "./attention_list.tsx";
import { ChainView } from "./chain_view.tsx";
import { CompareView } from "./compare_view.tsx";
import { ContainerView } from "./container_view.tsx";
import { ContainersTable } from "./containers_table.tsx";
import { FailureView } from "./failure_view.tsx";
import { FailuresList } from "./failures_list.tsx";
import { HostHeader } from "./host_header.tsx";
import { useLive } from "./live_store.ts";
import { type Route, routeTo, useRoute } from "./route.ts";
import { TracesList } from "./traces_list.tsx";
import { WaterfallView } from "./waterfall_view.tsx";

/** The whole page: an overview, or one thing looked at closely. */
export function App() {
  const live = useLive();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const before = useRef(route);
  useEffect(() => {
    // A reader who followed a link is to hear where it led.
    if (before.current !== route) main.current?.querySelector("h2")?.focus();
    before.current = route;
  }, [route]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <HostHeader live={live} />
      <main id="main" ref={main} tabIndex={-1}>
        {route.view !== "overview" && (
          <p>
            <a href={routeTo("overview")}>← Overview</a>
          </p>
        )}
        <View route={route} live={live} />
      </main>
    </>
  );
}

function View({ route, live }: { route: Route; live: ReturnType<typeof useLive> }) {
  switch (route.view) {
    case "container":
      return <ContainerView key={route.id} row={live.containers.get(route.id)} />;
    case "trace":
      return <WaterfallView key={route.id} traceId={route.id} />;
    case "compare":
      return <CompareView left={route.id} right={route.other} />;
    case "failure":
      return <FailureView key={route.id} id={route.id} />;
    case "overview":
      return (
        <>
          <AttentionList containers={live.containers} />
          <ChainView stacks={live.stacks} />
          <ContainersTable containers={live.containers} />
          <div class="columns">
            <TracesList traces={live.traces} />
            <FailuresList failures={live.failures} />
          </div>
        </>
      );
  }
}
