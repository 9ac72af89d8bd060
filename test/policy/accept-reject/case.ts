import { type Additions, smallPolicy } from '../../support/policy/small-policy.ts';

/** A small policy and whether it is taken. A case without a title is told by what it adds. */
export interface Case {
  readonly title: string;
  readonly accepted: boolean;
  readonly target: 'selinux' | 'xen';
  readonly text: string;
}

/** A class whose commands can be ruled. */
const WITH_IOCTL = { classes: 'class file2', access: 'class file2 inherits file_like { ioctl }' };

export function taken(section: keyof Additions, text: string): Case {
  return makeCase(section, text, true);
}

export function refused(section: keyof Additions, text: string): Case {
  return makeCase(section, text, false);
}

/** The cases, each in a policy for Xen. */
export function onXen(cases: readonly Case[]): readonly Case[] {
  return cases.map((one) => ({ ...one, title: `on Xen, ${one.title}`, target: 'xen' }));
}

/** A case told by a title, of several additions; `replace` then changes the text. */
export function described(
  title: string,
  accepted: boolean,
  { replace, ...add }: Additions & { readonly replace?: readonly [string, string] },
): Case {
  const text = smallPolicy(add);
  return {
    title,
    accepted,
    target: 'selinux',
    text: atLastLine(replace === undefined ? text : text.replace(...replace)),
  };
}

function makeCase(section: keyof Additions, text: string, accepted: boolean): Case {
  const base = section === 'classes' || section === 'access' ? {} : WITH_IOCTL;
  return { title: text, accepted, target: 'selinux', text: atLastLine(smallPolicy({ ...base, [section]: text })) };
}

/** Checkpolicy reads a word ahead: without a last line feed the end of the text is on the last statement's line. */
function atLastLine(text: string): string {
  return text.trimEnd();
}
