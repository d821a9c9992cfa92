import { useEffect, useState } from "preact/hooks";

/** What is looked at closely: kept in the address, so that Back works. */
export interface Route {
  view: "overview" | "container" | "trace" | "compare" | "failure";
  id: string;
  other: string;
}

/** The address of a view within the page. */
export function routeTo(view: Route["view"], id = "", other = ""): string {
  const parts = [id, other].filter((part) => part !== "").map(encodeURIComponent);
  return view === "overview" ? "#/" : `#/${[view, ...parts].join("/")}`;
}

/** The present view; changes with the address. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parse(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function parse(hash: string): Route {
  const [view, id, other] = hash.replace(/^#\/?/, "").split("/").map(decode);
  const known = (["container", "trace", "compare", "failure"] as const).find((one) => one === view);
  return { view: known ?? "overview", id: id ?? "", other: other ?? "" };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
