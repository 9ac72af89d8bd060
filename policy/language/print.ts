import type {
  ContextName,
  LevelName,
  NameSet,
  RangeName,
  RequiredSymbols,
  Statement,
  TypeRule,
  XpermSet,
} from './ast.ts';
import { printCondition, printConstraint } from './print-expression.ts';

/** A policy as text, one statement a line: parsing it gives the same statements again. */
export function printPolicy(statements: readonly Statement[]): string {
  return statements.map((statement) => `${printStatement(statement)}\n`).join('');
}

/** One statement in policy syntax. */
export function printStatement(statement: Statement): string {
  const print = printers[statement.kind] as (statement: Statement) => string;
  return print(statement);
}

type Printers = { readonly [K in Statement['kind']]: (statement: Extract<Statement, { kind: K }>) => string };

const printers: Printers = {
  class: ({ name }) => `class ${name}`,
  sid: ({ name }) => `sid ${name}`,
  common: ({ name, perms }) => `common ${name} ${braces(perms)}`,
  classPermissions: ({ name, inherits, perms }) =>
    `class ${name}${inherits === undefined ? '' : ` inherits ${inherits}`}${perms.length === 0 ? '' : ` ${braces(perms)}`}`,
  default: ({ of, classes, value }) => `default_${of} ${printSet(classes)} ${value};`,
  sensitivity: ({ name, aliases }) => `sensitivity ${name}${printAliases(aliases)};`,
  dominance: ({ names }) => `dominance ${braces(names)}`,
  category: ({ name, aliases }) => `category ${name}${printAliases(aliases)};`,
  level: ({ level }) => `level ${printLevel(level)};`,
  attribute: ({ name }) => `attribute ${name};`,
  expandattribute: ({ names, value }) => `expandattribute ${printSet(names)} ${value};`,
  type: ({ name, aliases, attributes }) => `type ${name}${printAliases(aliases)}${printAttributes(attributes)};`,
  typealias: ({ name, aliases }) => `typealias ${name}${printAliases(aliases)};`,
  typeattribute: ({ name, attributes }) => `typeattribute ${name} ${attributes.join(', ')};`,
  typebounds: ({ parent, children }) => `typebounds ${parent} ${children.join(', ')};`,
  bool: ({ name, value }) => `bool ${name} ${value};`,
  tunable: ({ name, value }) => `tunable ${name} ${value};`,
  avRule: ({ rule, source, target, classes, perms }) =>
    `${rule} ${printSet(source)} ${printSet(target)}:${printSet(classes)} ${printSet(perms)};`,
  xpermRule: ({ rule, source, target, classes, operation, xperms }) =>
    `${rule} ${printSet(source)} ${printSet(target)}:${printSet(classes)} ${operation} ${printXperms(xperms)};`,
  typeRule: printTypeRule,
  range_transition: ({ source, target, classes, range }) =>
    `range_transition ${printSet(source)} ${printSet(target)}${printClasses(classes)} ${printRange(range)};`,
  permissive: ({ name }) => `permissive ${name};`,
  policycap: ({ name }) => `policycap ${name};`,
  if: ({ condition, then, else: otherwise }) => {
    const last = otherwise.length === 0 ? '' : ` else ${printBlock(otherwise)}`;
    return `if (${printCondition(condition)}) ${printBlock(then)}${last}`;
  },
  require: ({ symbols }) => `require { ${symbols.map(printRequired).join(' ')} }`,
  optional: ({ then, else: otherwise }) => {
    const part = (inside: readonly Statement[]): string => (inside.length === 0 ? '{ ; }' : printBlock(inside));
    return `optional ${part(then)}${otherwise === undefined ? '' : ` else ${part(otherwise)}`}`;
  },
  attribute_role: ({ name }) => `attribute_role ${name};`,
  role: ({ name, attributes }) => `role ${name}${printAttributes(attributes)};`,
  roleTypes: ({ name, types }) => `role ${name} types ${printSet(types)};`,
  roleattribute: ({ name, attributes }) => `roleattribute ${name} ${attributes.join(', ')};`,
  roleAllow: ({ from, to }) => `allow ${printSet(from)} ${printSet(to)};`,
  role_transition: ({ roles, types, classes, role }) =>
    `role_transition ${printSet(roles)} ${printSet(types)}${printClasses(classes)} ${role};`,
  user: ({ name, roles, level, range }) => {
    const cleared =
      level === undefined || range === undefined ? '' : ` level ${printLevel(level)} range ${printRange(range)}`;
    return `user ${name} roles ${printSet(roles)}${cleared};`;
  },
  constrain: ({ classes, perms, expression }) =>
    `constrain ${printSet(classes)} ${printSet(perms)} ( ${printConstraint(expression)} );`,
  mlsconstrain: ({ classes, perms, expression }) =>
    `mlsconstrain ${printSet(classes)} ${printSet(perms)} ( ${printConstraint(expression)} );`,
  validatetrans: ({ classes, expression }) => `validatetrans ${printSet(classes)} ( ${printConstraint(expression)} );`,
  mlsvalidatetrans: ({ classes, expression }) =>
    `mlsvalidatetrans ${printSet(classes)} ( ${printConstraint(expression)} );`,
  sidContext: ({ name, context }) => `sid ${name} ${printContext(context)}`,
  fscon: ({ major, minor, contexts }) => `fscon ${major} ${minor} ${contexts.map(printContext).join(' ')}`,
  fs_use: ({ behaviour, fileSystem, context }) => `fs_use_${behaviour} ${fileSystem} ${printContext(context)};`,
  genfscon: ({ fileSystem, path, fileType, context }) =>
    `genfscon ${fileSystem} ${printPath(path)} ${fileType === undefined ? '' : `-${fileType === '-' ? '' : ' '}${fileType} `}${printContext(context)}`,
  portcon: ({ protocol, low, high, context }) =>
    `portcon ${protocol} ${printNumbers(low, high)} ${printContext(context)}`,
  netifcon: ({ name, contexts }) => `netifcon ${name} ${contexts.map(printContext).join(' ')}`,
  nodecon: ({ address, mask, context }) => `nodecon ${address} ${mask} ${printContext(context)}`,
  pirqcon: ({ interrupt, context }) => `pirqcon ${interrupt} ${printContext(context)}`,
  iomemcon: ({ low, high, context }) => `iomemcon ${printNumbers(low, high)} ${printContext(context)}`,
  ioportcon: ({ low, high, context }) => `ioportcon ${printNumbers(low, high)} ${printContext(context)}`,
  pcidevicecon: ({ device, context }) => `pcidevicecon ${device} ${printContext(context)}`,
  devicetreecon: ({ path, context }) => `devicetreecon ${printPath(path)} ${printContext(context)}`,
  ibpkeycon: ({ prefix, low, high, context }) =>
    `ibpkeycon ${prefix} ${printNumbers(low, high)} ${printContext(context)}`,
  ibendportcon: ({ device, port, context }) => `ibendportcon ${device} ${port} ${printContext(context)}`,
};

function printTypeRule({ rule, source, target, classes, type, fileName }: TypeRule): string {
  const name = fileName === undefined ? '' : ` "${fileName}"`;
  return `${rule} ${printSet(source)} ${printSet(target)}:${printSet(classes)} ${type}${name};`;
}

/** Statements in braces, one a line, those of a block inside a block further in. */
function printBlock(statements: readonly Statement[]): string {
  const lines = statements.flatMap((statement) => printStatement(statement).split('\n'));
  return `{\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}

function printRequired(symbols: RequiredSymbols): string {
  if (symbols.kind === 'class') return `class ${symbols.name} ${printSet(symbols.perms)};`;
  return `${symbols.kind} ${symbols.names.join(', ')};`;
}

function printXperms({ form, ranges }: XpermSet): string {
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const parts = ranges.map(({ low, high }) => (low === high ? hex(low) : `${hex(low)}-${hex(high)}`));
  return `${form === 'complement' ? '~' : ''}${braces(parts)}`;
}

function braces(names: readonly string[]): string {
  return `{ ${names.join(' ')} }`;
}

/** A set as written. */
export function printSet({ form, names, except }: NameSet): string {
  if (form === 'all') return '*';
  const members = [...names, ...except.map((name) => `-${name}`)];
  const plain = members.length === 1 && except.length === 0 ? (members[0] ?? '') : braces(members);
  return form === 'complement' ? `~${plain}` : plain;
}

function printAliases(aliases: readonly string[]): string {
  return aliases.length === 0 ? '' : ` alias ${braces(aliases)}`;
}

function printAttributes(attributes: readonly string[]): string {
  return attributes.length === 0 ? '' : `, ${attributes.join(', ')}`;
}

function printClasses(classes: NameSet | undefined): string {
  return classes === undefined ? '' : `:${printSet(classes)}`;
}

function printLevel({ sensitivity, categories }: LevelName): string {
  return categories.length === 0 ? sensitivity : `${sensitivity}:${categories.join(',')}`;
}

function printRange({ low, high }: RangeName): string {
  return high === undefined ? printLevel(low) : `${printLevel(low)} - ${printLevel(high)}`;
}

function printContext({ user, role, type, range }: ContextName): string {
  return `${user}:${role}:${type}${range === undefined ? '' : `:${printRange(range)}`}`;
}

/** Only a path with blanks was written in quotes, and only one without may have quotes inside. */
function printPath(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path;
}

function printNumbers<T extends number | bigint>(low: T, high: T): string {
  return low === high ? `${low}` : `${low}-${high}`;
}
