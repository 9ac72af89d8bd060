import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type Label, label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import { check } from '../../../shared/schema/schema.ts';

/** Which label a path has by the rules of a file_contexts file; undefined where none matches, or `<<none>>` does. */
export type FileContexts = (path: string) => Label | undefined;

const rulesMax = 10_000;
const regexLengthMax = 512;

interface Rule {
  readonly regex: RegExp;
  readonly label: Label | undefined;
}

/** Reads a file_contexts file. CONFIG_INVALID names the file and the line. */
export async function readFileContexts(path: string): Promise<FileContexts> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new BrokerError('CONFIG_INVALID', `${path} cannot be read`, { cause });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > limits.configFileBytes) {
      throw new BrokerError('CONFIG_INVALID', `${path} is not a file of at most ${limits.configFileBytes} bytes`);
    }
    return parseFileContexts(path, await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

/**
 * Lines of `REGEX [TYPE] CONTEXT`, as in file_contexts(5): the regex has to match the whole path, a rule without special
 * characters wins over one with some, and among those the last one wins. TYPE is one of `--`, `-d` and so on;
 * rules for anything but plain files are read and never match. CONFIG_INVALID names the line.
 */
export function parseFileContexts(path: string, text: string): FileContexts {
  const exact: Rule[] = [];
  const patterns: Rule[] = [];
  text.split('\n').forEach((line, index) => {
    const parsed = parseLine(line, `${path}:${index + 1}`);
    if (parsed === undefined) return;
    (parsed.special ? patterns : exact).push(parsed);
    if (exact.length + patterns.length > rulesMax) {
      throw new BrokerError('CONFIG_INVALID', `${path}:${index + 1}: more than ${rulesMax} rules`);
    }
  });
  return (of) => {
    const matches = ({ regex }: Rule) => regex.test(of);
    return (exact.findLast(matches) ?? patterns.findLast(matches))?.label;
  };
}

const lineForm = /^(?<regex>\S+)(?:[ \t]+(?<type>--|-[bcdpls]))?[ \t]+(?<context>\S+)$/;
const specialCharacters = /(?:^|[^\\])[.^$?*+|[({]/;

function parseLine(line: string, where: string): (Rule & { special: boolean }) | undefined {
  const content = line.trim();
  if (content === '' || content.startsWith('#')) return undefined;
  const { regex, type, context } = lineForm.exec(content)?.groups ?? {};
  if (regex === undefined || context === undefined || regex.length > regexLengthMax) {
    throw new BrokerError('CONFIG_INVALID', `${where}: expected a regular expression and a context`);
  }
  const checked = check(label, context);
  if (context !== '<<none>>' && !checked.ok) {
    throw new BrokerError('CONFIG_INVALID', `${where}: \`${context}\` is not a security context`);
  }
  if (type !== undefined && type !== '--') return undefined;
  try {
    return {
      regex: new RegExp(`^(?:${regex})$`),
      label: checked.ok ? checked.value : undefined,
      special: specialCharacters.test(regex),
    };
  } catch (cause) {
    throw new BrokerError('CONFIG_INVALID', `${where}: \`${regex}\` is not a regular expression`, { cause });
  }
}
