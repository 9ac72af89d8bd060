import type { TokenType } from 'chevrotain';
import type {
  DeviceTreeContext,
  EndPortContext,
  FileSystemContext,
  FileSystemUse,
  GenericFileSystem,
  InterfaceContext,
  InterruptContext,
  IoMemoryContext,
  IoPortContext,
  NodeContext,
  PartitionKeyContext,
  PciDeviceContext,
  PortContext,
} from '../ast-contexts.ts';
import { keyword, literal, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { NameRules } from './names.ts';

/** What gives objects their labels from outside: file systems, ports, interfaces, nodes, Xen's devices and Infiniband. */
export function labelRules(g: Grammar, { context, number }: NameRules) {
  const numbers = g.RULE('numbers', (): { low: number; high: number } => {
    const low = g.SUBRULE(number);
    const high = g.OPTION(() => {
      g.CONSUME(sign.minus);
      return g.SUBRULE1(number);
    });
    return { low, high: high ?? low };
  });

  const fileSystemContext = g.RULE('fileSystemContext', (): FileSystemContext => {
    const start = g.here();
    g.CONSUME(keyword.fscon);
    const major = g.SUBRULE(number);
    const minor = g.SUBRULE1(number);
    const own = g.SUBRULE(context);
    const files = g.SUBRULE1(context);
    return { kind: 'fscon', major, minor, contexts: [own, files], ...g.span(start) };
  });

  const fileSystem = g.RULE('fileSystemName', (): string =>
    g.OR([{ ALT: () => g.name() }, { ALT: () => g.CONSUME(literal.fileSystem).image }]),
  );

  const finishUse = (start: number, behaviour: FileSystemUse['behaviour'], name: string): FileSystemUse => {
    const label = g.SUBRULE(context);
    g.CONSUME(sign.semicolon);
    return { kind: 'fs_use', behaviour, fileSystem: name, context: label, ...g.span(start) };
  };
  const useXattr = g.RULE('useXattr', (): FileSystemUse => {
    const start = g.here();
    g.CONSUME(keyword.fs_use_xattr);
    const name = g.SUBRULE(fileSystem);
    return finishUse(start, 'xattr', name);
  });
  /** Only with `fs_use_xattr` may the name begin with a digit. */
  const use = (behaviour: 'task' | 'trans'): Rule<FileSystemUse> =>
    g.RULE(`use_${behaviour}`, () => {
      const start = g.here();
      g.CONSUME(keyword[`fs_use_${behaviour}`]);
      const name = g.name();
      return finishUse(start, behaviour, name);
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
    const name = g.name();
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

  const interrupt = g.RULE('interrupt', (): InterruptContext => {
    const start = g.here();
    g.CONSUME(keyword.pirqcon);
    const at = g.SUBRULE(number);
    const label = g.SUBRULE(context);
    return { kind: 'pirqcon', interrupt: at, context: label, ...g.span(start) };
  });

  const wideNumber = g.RULE('wideNumber', (): bigint => {
    const text = g.CONSUME(literal.number).image;
    const octal = /^0([0-7]+)/.exec(text)?.[1];
    if (octal !== undefined) return BigInt(`0o${octal}`);
    return BigInt(/^(?:0x[0-9A-Fa-f]+|[1-9][0-9]*)/.exec(text)?.[0] ?? 0);
  });
  const ioMemory = g.RULE('ioMemory', (): IoMemoryContext => {
    const start = g.here();
    g.CONSUME(keyword.iomemcon);
    const low = g.SUBRULE(wideNumber);
    const high = g.OPTION(() => {
      g.CONSUME(sign.minus);
      return g.SUBRULE1(wideNumber);
    });
    const label = g.SUBRULE(context);
    return { kind: 'iomemcon', low, high: high ?? low, context: label, ...g.span(start) };
  });

  const ioPort = g.RULE('ioPort', (): IoPortContext => {
    const start = g.here();
    g.CONSUME(keyword.ioportcon);
    const range = g.SUBRULE(numbers);
    const label = g.SUBRULE(context);
    return { kind: 'ioportcon', ...range, context: label, ...g.span(start) };
  });

  const pciDevice = g.RULE('pciDevice', (): PciDeviceContext => {
    const start = g.here();
    g.CONSUME(keyword.pcidevicecon);
    const device = g.SUBRULE(number);
    const label = g.SUBRULE(context);
    return { kind: 'pcidevicecon', device, context: label, ...g.span(start) };
  });

  const deviceTree = g.RULE('deviceTree', (): DeviceTreeContext => {
    const start = g.here();
    g.CONSUME(keyword.devicetreecon);
    const below = g.SUBRULE(path);
    const label = g.SUBRULE(context);
    return { kind: 'devicetreecon', path: below, context: label, ...g.span(start) };
  });

  return {
    fileSystemContext,
    fileSystemUses: [useXattr, use('task'), use('trans')],
    genericFileSystem,
    port,
    networkInterface,
    node,
    devices: [interrupt, ioMemory, ioPort, pciDevice, deviceTree],
    partitionKey,
    endPort,
  };
}
