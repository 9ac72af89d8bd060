import type { IParserErrorMessageProvider, TokenType } from 'chevrotain';

/** What the parser says it would have taken; where and what it found is told by the diagnostic itself. */
export const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => `expected ${list([expected])}`,
  buildNotAllInputParsedMessage: () => 'expected the end of the policy: statements have a fixed order of sections',
  buildNoViableAltMessage: ({ expectedPathsPerAlt }) => `expected ${list(firstTokens(expectedPathsPerAlt.flat()))}`,
  buildEarlyExitMessage: ({ expectedIterationPaths }) =>
    `expected ${list(firstTokens(expectedIterationPaths))}: the section needs at least one`,
};

const shownMax = 12;

function firstTokens(paths: readonly (readonly TokenType[])[]): TokenType[] {
  return [...new Set(paths.flatMap((path) => path.slice(0, 1)))];
}

function list(types: readonly TokenType[]): string {
  const labels = types.map((type) => (type.LABEL === 'identifier' ? 'a name' : `\`${type.LABEL ?? type.name}\``));
  const shown = labels.slice(0, shownMax).join(', ');
  return labels.length > shownMax ? `one of ${shown} …` : labels.length > 1 ? `one of ${shown}` : shown;
}
