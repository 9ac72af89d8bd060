import type { TokenType } from 'chevrotain';
import type {
  EndPortContext,
  FileSystemUse,
  GenericFileSystem,
  InterfaceContext,
  NodeContext,
  PartitionKeyContext,
  PortContext,
} from '../ast.ts';
import { keyword, literal, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { NameRules } from './names.ts';

/** What gives objects their labels from outside: file systems, ports, interfaces, nodes and Infiniband. */
export function labelRules(g: Grammar, { context }: NameRules) {
  /** strtoul with base 0: `0x` is hexadecimal and a leading 0 octal. */
  const number = g.RULE('number', (): number => {
    const text = g.CONSUME(literal.number).image;
    if (text.startsWith('0x')) return Number.parseInt(text.slice(2), 16);
    return Number.parseInt(text, text.startsWith('0') && text !== '0' ? 8 : 10);
  });

  const numbers = g.RULE('numbers', (): { low: number; high: number } => {
    const low = g.SUBRULE(number);
    const high = g.OPTION(() => {
      g.CONSUME(sign.minus);
      return g.SUBRULE1(number);
    });
    return { low, high: high ?? low };
  });

  const fileSystem = g.RULE('fileSystemName', (): string =>
    g.OR([{ ALT: () => g.name() }, { ALT: () => g.CONSUME(literal.fileSystem).image }]),
  );

  const behaviours = (['xattr', 'task', 'trans'] as const).map(
    (behaviour) => [keyword[`fs_use_${behaviour}`], behaviour] as const,
  );
  const behaviourRule: Rule<FileSystemUse['behaviour']> = g.RULE('behaviour', () =>
    g.OR<FileSystemUse['behaviour']>(
      behaviours.map(([word, behaviour]) => ({
        ALT: () => {
          g.CONSUME(word);
          return behaviour;
        },
      })),
    ),
  );
  const fileSystemUse = g.RULE('fileSystemUse', (): FileSystemUse => {
    const start = g.here();
    const behaviour = g.SUBRULE(behaviourRule);
    const name = g.SUBRULE(fileSystem);
    const label = g.SUBRULE(context);
    g.CONSUME(sign.semicolon);
    return { kind: 'fs_use', behaviour, fileSystem: name, context: label, ...g.span(start) };
  });

  const path = g.RULE('path', (): string =>
    g.OR([
      { ALT: () => g.CONSUME(literal.path).image },
      { ALT: () => g.CONSUME(literal.quotedPath).image.slice(1, -1) },
    ]),
  );
  const genericFileSystem = g.RULE('genericFileSystem', (): GenericFileSystem => {
    const start = g.here();
    g.CONSUME(keyword.genfscon);
    const name = g.SUBRULE(fileSystem);
    const below = g.SUBRULE(path);
    const fileType = g.OPTION(() => {
      g.CONSUME(sign.minus);
      return g.OR([{ ALT: () => g.name() }, { ALT: () => g.CONSUME1(sign.minus).image }]);
    });
    const label = g.SUBRULE(context);
    const statement = { kind: 'genfscon', fileSystem: name, path: below, context: label, ...g.span(start) } as const;
    return fileType === undefined ? statement : { ...statement, fileType };
  });

  const port = g.RULE('port', (): PortContext => {
    const start = g.here();
    g.CONSUME(keyword.portcon);
    const protocol = g.name();
    const range = g.SUBRULE(numbers);
    const label = g.SUBRULE(context);
    return { kind: 'portcon', protocol, ...range, context: label, ...g.span(start) };
  });

  const networkInterface = g.RULE('networkInterface', (): InterfaceContext => {
    const start = g.here();
    g.CONSUME(keyword.netifcon);
    const name = g.SUBRULE(fileSystem);
    const own = g.SUBRULE(context);
    const packets = g.SUBRULE1(context);
    return { kind: 'netifcon', name, contexts: [own, packets], ...g.span(start) };
  });

  const addresses = (family: 4 | 6, type: TokenType): Rule<Pick<NodeContext, 'family' | 'address' | 'mask'>> =>
    g.RULE(`addresses${family}`, () => {
      const address = g.CONSUME(type).image;
      const mask = g.CONSUME1(type).image;
      return { family, address, mask };
    });
  const [addresses4, addresses6] = [addresses(4, literal.ipv4), addresses(6, literal.ipv6)];
  const node = g.RULE('node', (): NodeContext => {
    const start = g.here();
    g.CONSUME(keyword.nodecon);
    const at = g.OR([{ ALT: () => g.SUBRULE(addresses4) }, { ALT: () => g.SUBRULE(addresses6) }]);
    const label = g.SUBRULE(context);
    return { kind: 'nodecon', ...at, context: label, ...g.span(start) };
  });

  const partitionKey = g.RULE('partitionKey', (): PartitionKeyContext => {
    const start = g.here();
    g.CONSUME(keyword.ibpkeycon);
    const prefix = g.CONSUME(literal.ipv6).image;
    const range = g.SUBRULE(numbers);
    const label = g.SUBRULE(context);
    return { kind: 'ibpkeycon', prefix, ...range, context: label, ...g.span(start) };
  });

  const endPort = g.RULE('endPort', (): EndPortContext => {
    const start = g.here();
    g.CONSUME(keyword.ibendportcon);
    const device = g.name();
    const at = g.SUBRULE(number);
    const label = g.SUBRULE(context);
    return { kind: 'ibendportcon', device, port: at, context: label, ...g.span(start) };
  });

  return { fileSystemUse, genericFileSystem, port, networkInterface, node, partitionKey, endPort };
}
