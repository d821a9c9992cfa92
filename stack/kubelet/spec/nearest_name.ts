/** Names further apart than this are not taken for a slip of the finger. */
const MAX_DISTANCE = 2;

/** The known name that a misspelt one most likely stands for, if any is near enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > MAX_DISTANCE) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= MAX_DISTANCE && distance < (best?.distance ?? MAX_DISTANCE + 1)) {
      best = { name: candidate, distance };
    }
  }
  return best?.name;
}

/** How many letters must be added, removed or replaced (Levenshtein), a row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
