/** A line of the protocol, taken apart. */
export type Question =
  | { readonly ask: 'av'; readonly scontext: string; readonly tcontext: string; readonly tclass: string }
  | {
      readonly ask: 'trans' | 'change' | 'member';
      readonly scontext: string;
      readonly tcontext: string;
      readonly tclass: string;
      readonly name?: string;
    }
  | {
      readonly ask: 'vtrans';
      readonly oldcontext: string;
      readonly newcontext: string;
      readonly taskcontext: string;
      readonly tclass: string;
    }
  | { readonly ask: 'ctx'; readonly context: string }
  | { readonly ask: 'bool'; readonly name: string; readonly value: boolean };

/** How many words stand behind each verb. */
const words = { av: [3, 3], trans: [3, 4], change: [3, 4], member: [3, 4], vtrans: [4, 4], ctx: [1, 1], bool: [2, 2] };

/**
 * Reads a line: words with one tab between them. Undefined when the verb is not known, or when there are too few, too
 * many or empty words. An empty file name at the end is none.
 */
export function parseQuestion(line: string): Question | undefined {
  const [ask = '', ...rest] = line.split('\t');
  const [least, most] = (Object.hasOwn(words, ask) ? words[ask as keyof typeof words] : undefined) ?? [];
  if (least === undefined || most === undefined || rest.length < least || rest.length > most) return undefined;
  if (rest.slice(0, least).includes('')) return undefined;
  const [first = '', second = '', third = '', fourth = ''] = rest;
  switch (ask) {
    case 'av':
      return { ask, scontext: first, tcontext: second, tclass: third };
    case 'trans':
    case 'change':
    case 'member': {
      const about = { ask, scontext: first, tcontext: second, tclass: third } as const;
      return fourth === '' ? about : { ...about, name: fourth };
    }
    case 'vtrans':
      return { ask, oldcontext: first, newcontext: second, taskcontext: third, tclass: fourth };
    case 'ctx':
      return { ask, context: first };
    default:
      if (second !== '0' && second !== '1') return undefined;
      return { ask: 'bool', name: first, value: second === '1' };
  }
}
