import { formatLevel } from '../decide/context-text.ts';
import type { NameSet } from '../language/ast.ts';
import type { ConstraintTerm } from '../language/ast-expressions.ts';
import { printConstraint } from '../language/print-expression.ts';
import { shortened } from '../language/statement-text.ts';
import type { RuleSource } from '../policy.ts';
import { type Bitmap, bitsOf, isEmpty } from '../policydb/bitmap.ts';
import type { Names, Policydb } from '../policydb/policydb.ts';
import type { Commands } from '../policydb/xperm-table.ts';
import { type ReadStep, readConstraint } from './constraints.ts';
import { readRange } from './levels.ts';
import { createReader, type Reader, readU32 } from './reader.ts';
import { readRule } from './rules.ts';
import { type Section, sectionOf } from './statements.ts';
import { type RawFileNameRule, readCompressed, readPlain } from './transitions.ts';

const KEYWORDS = new Map([
  [1, 'allow'],
  [2, 'auditallow'],
  [4, 'dontaudit'],
  [0x10, 'type_transition'],
  [0x20, 'type_member'],
  [0x40, 'type_change'],
  [0x100, 'allowxperm'],
  [0x200, 'auditallowxperm'],
  [0x400, 'dontauditxperm'],
]);
const DONTAUDIT = 4;
const TYPE_RULE = 0x10;

/**
 * Describes statements of a binary policy: there is no source, so that the line is 0 and the text is written from the
 * entry in the bytes. Constraints keep the attributes they were written with.
 */
export function describeBinary(
  bytes: Uint8Array,
  file: string,
  db: Policydb,
  starts: ArrayLike<number>,
  sections: readonly Section[],
) {
  return (statement: number): RuleSource => {
    const reader = createReader(bytes);
    reader.offset = starts[statement] ?? 0;
    return { file, line: 0, text: shortened(textOf(reader, db, sections, statement)) };
  };
}

function textOf(reader: Reader, db: Policydb, sections: readonly Section[], statement: number): string {
  const section = sectionOf(sections, statement);
  const name = (names: Names, value = readU32(reader)): string => names.names[value] ?? '';
  switch (section?.kind) {
    case 'constraint':
      return constraintText(reader, db, statement);
    case 'bounds': {
      const type = db.types.boundsStatement.indexOf(statement);
      return `typebounds ${name(db.types, db.types.bounds[type])} ${name(db.types, type)};`;
    }
    case 'rule':
      return ruleText(reader, db);
    case 'role_transition': {
      const [role, type, to] = [name(db.roles), name(db.types), name(db.roles)];
      return `role_transition ${role} ${type}:${name(db.classes)} ${to};`;
    }
    case 'role allow':
      return `allow ${name(db.roles)} ${name(db.roles)};`;
    case 'file name':
      return fileNameText(db, readPlain(reader));
    case 'compressed file names': {
      const { offset } = reader;
      for (reader.offset = section.at + 4; reader.offset <= offset; ) {
        const rule = readCompressed(reader).find(({ start }) => start === offset);
        if (rule !== undefined) return fileNameText(db, rule);
      }
      return '';
    }
    case 'range_transition': {
      const [source, target, tclass] = [name(db.types), name(db.types), name(db.classes)];
      return `range_transition ${source} ${target}:${tclass} ${rangeText(reader, db)};`;
    }
    case undefined:
      return '';
  }
}

function ruleText(reader: Reader, db: Policydb): string {
  const { source, target, tclass, kind, data, commands } = readRule(reader);
  const datum = db.classData[tclass];
  const key = `${db.types.names[source] ?? ''} ${db.types.names[target] ?? ''}:${datum?.name ?? ''}`;
  const keyword = KEYWORDS.get(kind) ?? '';
  if (commands !== undefined) return `${keyword} ${key} ioctl ${commandsText(commands)};`;
  if (kind >= TYPE_RULE) return `${keyword} ${key} ${db.types.names[data] ?? ''};`;
  const perms = kind === DONTAUDIT ? ~data : data;
  return `${keyword} ${key} ${set(datum?.perms.filter((_, bit) => (perms & (1 << bit)) !== 0) ?? [])};`;
}

function commandsText(commands: Commands): string {
  const hex = (command: number | undefined): string => `0x${(command ?? 0).toString(16).padStart(4, '0')}`;
  const ranges: string[] = [];
  for (let at = 0; at < commands.length; at += 2) {
    const [low, high] = [hex(commands[at]), hex(commands[at + 1])];
    ranges.push(low === high ? low : `${low}-${high}`);
  }
  return `{ ${ranges.join(' ')} }`;
}

function constraintText(reader: Reader, db: Policydb, statement: number): string {
  const has = (rules: readonly { readonly statement: number }[]): boolean =>
    rules.some((rule) => rule.statement === statement);
  const datum = db.classData.find((one) => one !== undefined && (has(one.constraints) || has(one.validations)));
  const third = datum !== undefined && has(datum.validations);
  const { perms, steps } = readConstraint(reader, third, true);
  const levels = steps.some(({ step }) => step.op === 'attribute' && /\d/.test(step.attribute)) ? 'mls' : '';
  const expression = printConstraint(steps.map((step) => termOf(db, step)));
  if (third) return `${levels}validatetrans ${datum.name} (${expression});`;
  const names = datum?.perms.filter((_, bit) => (perms & (1 << bit)) !== 0) ?? [];
  return `${levels}constrain ${datum?.name ?? ''} ${set(names)} (${expression});`;
}

function termOf(db: Policydb, { step, written }: ReadStep): ConstraintTerm {
  if (step.op !== 'names') return step;
  const { context, part, equal } = step;
  const table = { user: db.users, role: db.roles, type: db.types }[part];
  const asWritten = part === 'type' && written !== undefined && (written.form === 'all' || !isEmpty(written.types));
  const names: NameSet = asWritten
    ? { form: written.form, names: namesOf(table, written.types), except: namesOf(table, written.except) }
    : { form: 'list', names: namesOf(table, step.names), except: [] };
  return { op: 'names', context, part, compare: equal ? 'eq' : 'ne', names };
}

function fileNameText(db: Policydb, { name, target, tclass, sources, type }: RawFileNameRule): string {
  const { names } = db.types;
  const from = set(sources.map((source) => names[source] ?? ''));
  return `type_transition ${from} ${names[target] ?? ''}:${db.classes.names[tclass] ?? ''} ${names[type] ?? ''} "${name}";`;
}

function rangeText(reader: Reader, db: Policydb): string {
  const { mls } = db;
  if (mls === undefined) return '';
  const { low, high } = readRange(reader);
  const [from, to] = [formatLevel(mls, low), formatLevel(mls, high)];
  return from === to ? from : `${from} - ${to}`;
}

function namesOf(names: Names, values: Bitmap): string[] {
  return bitsOf(values).map((value) => names.names[value] ?? '');
}

function set(names: readonly string[]): string {
  return names.length === 1 ? (names[0] ?? '') : `{ ${names.join(' ')} }`;
}
