/** The text of a rule in an answer has at most this many characters. */
const ruleCharsMax = 500;

/** A statement as an answer shows it: on one line, without comments, cut where it is long. */
export function statementText(written: string): string {
  return shortened(written.replace(/#[^\n]*/g, '').replace(/\s+/g, ' '));
}

/** The text, cut where it is too long for an answer. */
export function shortened(text: string): string {
  return text.length > ruleCharsMax ? `${text.slice(0, ruleCharsMax)}…` : text;
}
