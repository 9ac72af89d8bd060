/** Nesting of JSON that is still parsed. QEMU's deepest answer used here has eight levels. */
const depthMax = 32;

/**
 * Cuts what comes in into lines of at most `lineBytesMax` bytes, without their line ends. A longer line calls `tooLong`
 * once, and nothing is read after it: the memory held never exceeds the bound by more than one chunk.
 */
export function lineReader(
  lineBytesMax: number,
  onLine: (line: string) => void,
  tooLong: () => void,
): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let ended = false;
  return (chunk) => {
    let from = 0;
    while (!ended && from < chunk.length) {
      const end = chunk.indexOf(0x0a, from);
      const piece = chunk.subarray(from, end === -1 ? chunk.length : end);
      if (heldBytes + piece.length > lineBytesMax) {
        ended = true;
        held = [];
        tooLong();
        return;
      }
      held.push(piece);
      heldBytes += piece.length;
      if (end === -1) return;
      const line = Buffer.concat(held, heldBytes).toString('utf8');
      held = [];
      heldBytes = 0;
      from = end + 1;
      onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
  };
}

/** Parses one line of QMP: a JSON object of bounded nesting, or nothing. */
export function parseMessage(line: string): Readonly<Record<string, unknown>> | undefined {
  if (depthOf(line) > depthMax) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The deepest nesting of a JSON text, found without parsing it. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (quoted) {
      if (character === 0x5c) i++;
      else if (character === 0x22) quoted = false;
    } else if (character === 0x22) quoted = true;
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (character === 0x7d || character === 0x5d) depth--;
  }
  return deepest;
}
