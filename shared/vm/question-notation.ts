/*
 * How a question stands in a decision, in SELinux notation. Written and read here only.
 *   access    SCONTEXT TCONTEXT:CLASS { PERMS }
 *   compute   RULE SCONTEXT TCONTEXT:CLASS
 *   relabel   validatetrans OLDCONTEXT NEWCONTEXT TASKCONTEXT:CLASS
 */

export interface AccessNotation {
  readonly scontext: string;
  readonly tcontext: string;
  readonly tclass: string;
  readonly perms: readonly string[];
}

export interface ComputeNotation {
  readonly rule: 'type_transition' | 'type_change' | 'type_member';
  readonly scontext: string;
  readonly tcontext: string;
  readonly tclass: string;
}

export interface RelabelNotation {
  readonly oldcontext: string;
  readonly newcontext: string;
  readonly taskcontext: string;
  readonly tclass: string;
}

export const accessAsked = ({ scontext, tcontext, tclass, perms }: AccessNotation): string =>
  `${scontext} ${tcontext}:${tclass} { ${perms.join(' ')} }`;

export const computeAsked = ({ rule, scontext, tcontext, tclass }: ComputeNotation): string =>
  `${rule} ${scontext} ${tcontext}:${tclass}`;

export const relabelAsked = ({ oldcontext, newcontext, taskcontext, tclass }: RelabelNotation): string =>
  `validatetrans ${oldcontext} ${newcontext} ${taskcontext}:${tclass}`;

/** Reads an access question back; undefined where it is something else, or a context is not one word. */
export function parseAccessAsked(asked: string): AccessNotation | undefined {
  const [, scontext, tcontext, tclass, perms] = /^(\S+) (\S+):([\w-]+) \{ ([\w -]+) \}$/.exec(asked) ?? [];
  if (scontext === undefined || tcontext === undefined || tclass === undefined || perms === undefined) return undefined;
  return { scontext, tcontext, tclass, perms: perms.split(' ') };
}

/** Reads a compute question back; undefined as above. */
export function parseComputeAsked(asked: string): ComputeNotation | undefined {
  const [, rule, scontext, tcontext, tclass] =
    /^(type_transition|type_change|type_member) (\S+) (\S+):([\w-]+)$/.exec(asked) ?? [];
  if (rule === undefined || scontext === undefined || tcontext === undefined || tclass === undefined) return undefined;
  return { rule: rule as ComputeNotation['rule'], scontext, tcontext, tclass };
}

/** Reads a relabel question back; undefined as above. */
export function parseRelabelAsked(asked: string): RelabelNotation | undefined {
  const [, oldcontext, newcontext, taskcontext, tclass] =
    /^validatetrans (\S+) (\S+) (\S+):([\w-]+)$/.exec(asked) ?? [];
  if (oldcontext === undefined || newcontext === undefined || taskcontext === undefined || tclass === undefined) {
    return undefined;
  }
  return { oldcontext, newcontext, taskcontext, tclass };
}
