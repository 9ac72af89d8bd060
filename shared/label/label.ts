import { limits } from '../limits.ts';
import { branded, pattern, type Shape } from '../schema/schema.ts';

/**
 * A security context as text, `user:role:type[:range]`. This checks the form alone; whether it means anything is for a
 * policy to say. The characters are those SELinux identifiers and MLS ranges are made of, so a label can stand in an
 * audit line, a file attribute or a terminal without escaping.
 */
export const label = branded(
  pattern(
    /^[A-Za-z][A-Za-z0-9_.-]*:[A-Za-z][A-Za-z0-9_.-]*:[A-Za-z][A-Za-z0-9_.-]*(?::[A-Za-z0-9_.,: -]+)?$/,
    limits.labelBytes,
    'a security context (user:role:type[:range])',
  ),
  'Label',
);
export type Label = Shape<typeof label>;

/** The parts of a label. `range` is empty in a policy without MLS. */
export interface LabelParts {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly range: string;
}

/** Splits a well-formed label; the range keeps its own colons. */
export function partsOf(text: Label): LabelParts {
  const [user = '', role = '', type = '', ...range] = text.split(':');
  return { user, role, type, range: range.join(':') };
}

/** Puts parts together again. */
export const labelFrom = ({ user, role, type, range }: LabelParts): Label =>
  [user, role, type, ...(range === '' ? [] : [range])].join(':') as Label;
