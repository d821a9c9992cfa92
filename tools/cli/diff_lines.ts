/** Longer lists are not compared line by line: the table would be larger than its use. */
const MAX_LINES = 5000;

/**
 * Two lists of lines as one: " " before what both have, "-" before what only the first has, "+"
 * before what only the second has. The longest common subsequence, by the textbook table.
 */
export function diffLines(left: string[], right: string[]): string[] {
  if (left.length > MAX_LINES || right.length > MAX_LINES) throw new RangeError("too long to diff");
  const width = right.length + 1;
  const table = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const down = table[(i + 1) * width + j]!;
      const along = table[i * width + j + 1]!;
      const both = table[(i + 1) * width + j + 1]! + 1;
      table[i * width + j] = left[i] === right[j] ? both : Math.max(down, along);
    }
  }
  const out: string[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      out.push(`  ${left[i++]}`);
      j += 1;
    } else if (
      j >= right.length ||
      (i < left.length && table[(i + 1) * width + j]! >= table[i * width + j + 1]!)
    ) {
      out.push(`- ${left[i++]}`);
    } else out.push(`+ ${right[j++]}`);
  }
  return out;
}
