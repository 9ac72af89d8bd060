import { requestBytesMax } from './selinuxfs.ts';

/** The answer of `access`, as bits of the class. */
export interface AccessAnswer {
  readonly allowed: number;
  readonly auditallow: number;
  readonly auditdeny: number;
  readonly seqno: number;
  readonly permissive: boolean;
}

const nameForm = /^[A-Za-z][A-Za-z0-9_.-]*$/;
const nameCharsMax = 255;

/** True for what can be the name of a class, a permission or a boolean, and is safe as one part of a path. */
export const isName = (text: string): boolean => text.length <= nameCharsMax && nameForm.test(text);

/** True for what can stand as a context in a question: the kernel cuts questions at white space. */
export const isContextForm = (text: string): boolean => text.length <= requestBytesMax && /^[\x21-\x7e]+$/.test(text);

/** The words of a question, or undefined where they do not fit in one. */
export function requestOf(words: readonly (string | number)[]): string | undefined {
  const request = words.join(' ');
  return request.length <= requestBytesMax ? request : undefined;
}

/**
 * A file's name as `create` takes it: percent-encoded but for letters, digits and `-_.~` (the kernel decodes `%XX`, and
 * `+` as a space). Undefined for what no file can be called, which no rule can match either: the kernel would cut the
 * name at a NUL and find the rule of another.
 */
export function encodeFileName(name: string): string | undefined {
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length === 0 || bytes.length > nameCharsMax || name.includes('\0') || !name.isWellFormed())
    return undefined;
  return [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

const accessForm = /^([0-9a-f]{1,8}) ([0-9a-f]{1,8}) ([0-9a-f]{1,8}) ([0-9a-f]{1,8}) (\d{1,10}) ([0-9a-f]{1,8})$/;

/**
 * Reads `allowed decided auditallow auditdeny seqno flags`, all hexadecimal but the fifth (selinuxfs.c,
 * sel_write_access). What was not decided is not allowed. Undefined for anything else.
 */
export function parseAccess(text: string): AccessAnswer | undefined {
  const fields = accessForm.exec(text);
  if (fields === null) return undefined;
  const bits = (index: number): number => Number.parseInt(fields[index] ?? '', 16) | 0;
  const seqno = Number(fields[5]);
  if (seqno > 0xffffffff) return undefined;
  return {
    allowed: bits(1) & bits(2),
    auditallow: bits(3),
    auditdeny: bits(4),
    seqno,
    permissive: (bits(6) & 1) !== 0,
  };
}

/** Reads a context, which the kernel ends with a NUL. Undefined for what is none. */
export function parseContext(text: string): string | undefined {
  const context = text.endsWith('\0') ? text.slice(0, -1) : text;
  return isContextForm(context) ? context : undefined;
}

/** Reads a number of a file, at most `max`. Undefined for anything else. */
export function parseCount(bytes: Uint8Array, max: number): number | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  const value = /^\d{1,10}\n?$/.test(text) ? Number(text.trimEnd()) : Number.NaN;
  return value <= max ? value : undefined;
}

/** Reads a boolean's file, `current pending`, for the value in force. */
export function parseBoolean(bytes: Uint8Array): boolean | undefined {
  const fields = /^([01]) [01]\n?$/.exec(Buffer.from(bytes).toString('latin1'));
  return fields === null ? undefined : fields[1] === '1';
}
