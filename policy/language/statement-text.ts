/** The text of a rule in an answer has at most this many characters. */
const ruleCharsMax = 500;

/** A statement as an answer shows it: on one line, without comments, cut where it is long. */
export function statementText(written: string): string {
  const text = written.replace(/#[^\n]*/g, '').replace(/\s+/g, ' ');
  return text.length > ruleCharsMax ? `${text.slice(0, ruleCharsMax)}…` : text;
}
