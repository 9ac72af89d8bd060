/** So many smaller texts are tried. */
const attemptsMax = 1500;

/**
 * Takes lines out of a text as long as `fails` holds, in ever smaller runs (delta debugging), so that what is left is
 * what the failure needs. `fails` holds for the text itself.
 */
export function shrinkLines(text: string, fails: (text: string) => boolean): string {
  let lines = text.split('\n');
  let attempts = 0;
  for (let run = lines.length >> 1; run > 0 && attempts < attemptsMax; ) {
    let removed = false;
    for (let at = 0; at < lines.length && attempts < attemptsMax; ) {
      const fewer = [...lines.slice(0, at), ...lines.slice(at + run)];
      attempts++;
      if (fails(fewer.join('\n'))) {
        lines = fewer;
        removed = true;
      } else at += run;
    }
    if (!removed || run > 1) run >>= 1;
  }
  return lines.join('\n');
}
