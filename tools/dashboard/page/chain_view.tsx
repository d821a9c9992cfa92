import type { LinkHealth, StackHealth } from "../model.ts";
import { millisecondsText, plainName } from "./plain_text.ts";

const SIGNS: Record<LinkHealth["mark"], string> = {
  works: "✓",
  fails: "✗",
  hangs: "✗",
  "not-asked": "·",
  "not-present": "–",
};
const WORDS: Record<LinkHealth["mark"], string> = {
  works: "works",
  fails: "fails",
  hangs: "hangs",
  "not-asked": "seen, not asked",
  "not-present": "not present",
};

/** Every stack of the host as a chain of links, from the client's side to the process. */
export function ChainView({ stacks }: { stacks: StackHealth[] }) {
  return (
    <section aria-labelledby="chain-title">
      <h2 id="chain-title" tabIndex={-1}>
        The chain
      </h2>
      {stacks.length === 0 && <p>Looking for daemons…</p>}
      <div class="stacks">
        {stacks.map((stack) => (
          <div class="stack" key={stack.name}>
            <h3>{plainName(stack.name, 120)}</h3>
            <ol class="chain">
              {stack.links.map((link) => (
                <Link key={link.link} link={link} />
              ))}
            </ol>
          </div>
        ))}
      </div>
    </section>
  );
}

function Link({ link }: { link: LinkHealth }) {
  const { mark, answerMs, medianMs, failures } = link;
  return (
    <li data-mark={mark}>
      <strong>{link.link}</strong>
      <span>
        <span aria-hidden="true">{SIGNS[mark]} </span>
        {WORDS[mark]}
      </span>
      {answerMs !== null && <span>answers in {millisecondsText(answerMs)}</span>}
      {medianMs !== null && <span>{millisecondsText(medianMs)} of an exec</span>}
      {failures > 0 && <span class="bad">{failures} failed lately</span>}
      <small>{plainName(link.detail, 120)}</small>
    </li>
  );
}
