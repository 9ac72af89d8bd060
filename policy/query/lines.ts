/** The characters a line may have: four contexts of a page each, and a word or two. */
export const lineCharsMax = 20_000;

/**
 * Cuts text that comes in pieces into batches of whole lines, without line feeds. Of a longer line than `lineCharsMax`
 * only the beginning is kept, one character too long, so that it can be told; nothing of the rest is stored.
 */
export async function* lineBatches(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    lines[0] = bounded(rest + (lines[0] ?? ''));
    rest = bounded(lines.pop() ?? '');
    if (lines.length > 0) yield lines;
  }
  if (rest !== '') yield [rest];
}

function bounded(line: string): string {
  return line.length > lineCharsMax ? line.slice(0, lineCharsMax + 1) : line;
}
