import {
  EmbeddedActionsParser,
  EOF,
  type IRecognitionException,
  type IToken,
  type ParserMethod,
  type TokenType,
} from 'chevrotain';
import type { AvRule, Span, TypeRule } from '../ast.ts';
import { NO_TOKENS, type Tokens } from '../scan.ts';
import { literal, tokenTypeOfKind, vocabulary } from '../tokens.ts';
import { messages } from './messages.ts';
import { createShortcut } from './shortcut.ts';

type Indexed<N extends string> = N | `${N}${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`;
type Repeat<T> = { SEP: TokenType; DEF: () => T };

/** Where rules go. */
interface RuleSink {
  push(rule: AvRule | TypeRule): unknown;
}

/** A rule of the grammar; calling it directly parses the whole input by it. */
export type Rule<T, A extends unknown[] = []> = ParserMethod<A, T>;

/** Chevrotain's methods as the statement families use them, and the little that is added to them here. */
export type Grammar = Record<Indexed<'CONSUME'>, (type: TokenType) => ScannedToken> &
  Record<Indexed<'SUBRULE'>, <T, A extends unknown[]>(rule: Rule<T, A>, options?: { ARGS: A }) => T> &
  Record<Indexed<'OPTION'>, <T>(body: () => T) => T | undefined> &
  Record<Indexed<'MANY'> | Indexed<'AT_LEAST_ONE'>, (body: () => void) => void> &
  Record<Indexed<'AT_LEAST_ONE_SEP'>, (repeat: Repeat<void>) => void> &
  Record<Indexed<'OR'>, <T>(alternatives: { ALT: () => T }[]) => T> & {
    RULE<T, A extends unknown[]>(name: string, body: (...args: A) => T): Rule<T, A>;
    /** The identifier that comes next, as text. */
    name(index?: 0 | 1 | 2 | 3): string;
    /** Takes the plain rules that come next; false when none does. */
    takeRules(out: RuleSink): boolean;
    /** Where the next token begins. */
    here(): number;
    /** From `start` to the end of the last token taken. */
    span(start: number): Span;
  };

/** A token as the parser sees it: a window over the scanner's columns, refilled as the parser goes on. */
export class ScannedToken implements IToken {
  tokenTypeIdx = 0;
  index = -1;
  tokens: Tokens;
  constructor(tokens: Tokens) {
    this.tokens = tokens;
  }
  get tokenType(): TokenType {
    return tokenTypeOfKind[this.tokens.kinds[this.index] ?? 0] ?? EOF;
  }
  get startOffset(): number {
    return this.index < this.tokens.count ? (this.tokens.starts[this.index] ?? 0) : this.tokens.text.length;
  }
  get endOffset(): number {
    return this.index < this.tokens.count ? (this.tokens.ends[this.index] ?? 0) - 1 : this.tokens.text.length;
  }
  get image(): string {
    return this.index < this.tokens.count ? this.tokens.text.slice(this.startOffset, this.endOffset + 1) : '';
  }
}

const WINDOW = 8;
const typeIndexOfKind = new Uint32Array(tokenTypeOfKind.map((type) => (type ?? EOF).tokenTypeIdx ?? 0));

/**
 * Chevrotain's parser, reading straight from the scanner's columns: no token object is made, the few that lookahead
 * needs are used again. A rule must take what it wants of a token before it consumes `WINDOW` more.
 */
export class ColumnParser extends EmbeddedActionsParser {
  private tokens = NO_TOKENS;
  private position = -1;
  private window: ScannedToken[] = [];
  private readonly shortcut = createShortcut();

  /** `validated` asks chevrotain whether the grammar is in order: a test does, nobody else needs to. */
  constructor(validated: boolean) {
    super(vocabulary, {
      recoveryEnabled: false,
      maxLookahead: 2,
      nodeLocationTracking: 'none',
      errorMessageProvider: messages,
      skipValidations: !validated,
    });
    this.window = Array.from({ length: WINDOW }, () => new ScannedToken(NO_TOKENS));
  }

  /** Starts over with other tokens. */
  read(tokens: Tokens): void {
    this.reset();
    this.tokens = tokens;
    this.shortcut.read(tokens);
    for (const token of this.window) {
      token.tokens = tokens;
      token.index = -1;
    }
    this.position = -1;
  }

  at(index: number): ScannedToken {
    const token = this.window[index & (WINDOW - 1)] as ScannedToken;
    if (token.index !== index) {
      token.index = index;
      token.tokenTypeIdx =
        index < this.tokens.count ? (typeIndexOfKind[this.tokens.kinds[index] ?? 0] ?? 0) : (typeIndexOfKind[0] ?? 0);
    }
    return token;
  }
  override LA(howMuch: number): IToken {
    return this.at(Math.max(0, this.position + howMuch));
  }
  override LA_FAST(howMuch: number): IToken {
    return this.at(this.position + howMuch);
  }
  consumeToken(): void {
    this.position++;
  }
  exportLexerState(): number {
    return this.position;
  }
  importLexerState(position: number): void {
    this.position = position;
  }
  resetLexerState(): void {
    this.position = -1;
  }
  moveToTerminatedState(): void {
    this.position = this.tokens.count - 1;
  }
  getLexerPosition(): number {
    return this.position;
  }
  onBeforeParse(): void {}

  /** An error keeps its token, and the window is used again: it gets a token of its own. */
  SAVE_ERROR(error: IRecognitionException): IRecognitionException {
    const { index } = error.token as ScannedToken;
    error.token = Object.assign(new ScannedToken(this.tokens), { index });
    return Object.getPrototypeOf(ColumnParser.prototype).SAVE_ERROR.call(this, error);
  }

  takeRules(out: RuleSink): boolean {
    if (this.RECORDING_PHASE) return false;
    const before = this.position;
    for (let rule = this.shortcut.rule(before + 1); rule !== undefined; rule = this.shortcut.rule(this.position + 1)) {
      out.push(rule);
      this.position = this.shortcut.after - 1;
    }
    return this.position > before;
  }
  here(): number {
    return this.RECORDING_PHASE ? 0 : this.at(this.position + 1).startOffset;
  }
  span(start: number): Span {
    return this.RECORDING_PHASE ? { start, end: start } : { start, end: this.tokens.ends[this.position] ?? start };
  }
  name(index: 0 | 1 | 2 | 3 = 0): string {
    const token = this.consume(index, literal.identifier) as ScannedToken;
    return this.RECORDING_PHASE ? '' : (this.tokens.atomTexts[this.tokens.atoms[token.index] ?? 0] ?? '');
  }
}
