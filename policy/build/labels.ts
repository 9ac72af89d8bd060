import { isIPv4, isIPv6 } from 'node:net';
import type { GenericFileSystem, NodeContext, PartitionKeyContext, PortContext } from '../language/ast-contexts.ts';
import type { Build, Handlers } from './builder.ts';
import { contextValue } from './contexts.ts';
import { addRange, covers, fits, labelOnce, only, UINT32_MAX } from './label-checks.ts';

const CLASS_OF_FILE_TYPE = new Map([
  ['b', 'blk_file'],
  ['c', 'chr_file'],
  ['d', 'dir'],
  ['p', 'fifo_file'],
  ['l', 'lnk_file'],
  ['s', 'sock_file'],
  ['-', 'file'],
]);

/**
 * Labels of objects that carry none themselves. No question of this engine asks for them yet; they are checked so that
 * what checkpolicy refuses is refused.
 */
export const labelRules: Handlers = only('selinux', {
  fscon: (build, statement) => {
    for (const context of statement.contexts) contextValue(build, context);
    const device = `${statement.major}:${statement.minor}`;
    fits(build, statement, statement.major);
    fits(build, statement, statement.minor);
    labelOnce(build, statement, `fscon ${device}`, device);
  },
  fs_use: (build, statement) => {
    contextValue(build, statement.context);
    labelOnce(build, statement, `fs_use ${statement.fileSystem}`, statement.fileSystem);
  },
  genfscon: resolveGenericFileSystem,
  portcon: resolvePort,
  netifcon: (build, statement) => {
    for (const context of statement.contexts) contextValue(build, context);
    labelOnce(build, statement, `netifcon ${statement.name}`, statement.name);
  },
  nodecon: resolveNode,
  ibpkeycon: resolvePartitionKey,
  ibendportcon: (build, statement) => {
    const { device, port } = statement;
    contextValue(build, statement.context);
    if (port < 1 || port > 255)
      build.report.error(statement, `port ${port} is out of range`, { hint: 'ports are 1 to 255' });
    if (device.length > 63)
      build.report.error(statement, 'the device name is too long', { hint: 'at most 63 characters' });
    labelOnce(build, statement, `ibendportcon ${device} ${port}`, device);
  },
});

/** A path labelled for all types of file cannot also be labelled for one. */
function resolveGenericFileSystem(build: Build, statement: GenericFileSystem): void {
  const { fileSystem, path, fileType } = statement;
  const tclass = fileType === undefined ? '' : CLASS_OF_FILE_TYPE.get(fileType);
  contextValue(build, statement.context);
  if (tclass === undefined || (tclass !== '' && !build.db.classes.values.has(tclass))) {
    const hint = `file types are ${[...CLASS_OF_FILE_TYPE.keys()].join(' ')}, and their classes must be declared`;
    build.report.error(statement, `unknown file type \`${fileType ?? ''}\``, { hint });
    return;
  }
  const key = (of: string): string => `genfscon ${fileSystem} ${of} ${path}`;
  const others = tclass === '' ? [...CLASS_OF_FILE_TYPE.values(), ''] : [tclass, ''];
  if (others.some((one) => build.pending.labels.has(key(one)))) {
    build.report.error(statement, `\`${path}\` is labelled twice`, { hint: 'remove one of the statements' });
  }
  build.pending.labels.add(key(tclass));
}

function resolvePort(build: Build, statement: PortContext): void {
  const { protocol } = statement;
  contextValue(build, statement.context);
  if (!/^(?:tcp|udp|dccp|sctp|TCP|UDP|DCCP|SCTP)$/.test(protocol)) {
    build.report.error(statement, `unknown protocol \`${protocol}\``, {
      name: protocol,
      hint: 'protocols are tcp, udp, dccp and sctp',
    });
  }
  const [low, high] = [BigInt(statement.low), BigInt(statement.high)];
  addRange(build, statement, { kind: protocol.toLowerCase(), low, high, max: UINT32_MAX, clash: covers });
}

function resolveNode(build: Build, statement: NodeContext): void {
  contextValue(build, statement.context);
  const isAddress = statement.family === 4 ? isIPv4 : isIPv6;
  for (const text of [statement.address, statement.mask]) {
    if (!isAddress(text))
      build.report.error(statement, `\`${text}\` is no address`, { hint: 'write an address and a mask of one family' });
  }
}

function resolvePartitionKey(build: Build, statement: PartitionKeyContext): void {
  const { prefix } = statement;
  contextValue(build, statement.context);
  if (!isIPv6(prefix))
    build.report.error(statement, `\`${prefix}\` is no subnet prefix`, { hint: 'write it as an IPv6 address' });
  // checkpolicy means the low 64 bits and looks at the second pair of bytes.
  else if (Number.parseInt(prefix.split(':')[1] || '0', 16) !== 0) {
    build.report.error(statement, 'the subnet prefix has low bits set', { hint: 'write a prefix such as `fe80::`' });
  }
  const [low, high] = [BigInt(statement.low), BigInt(statement.high)];
  addRange(build, statement, { kind: `pkey ${prefix}`, low, high, max: 0xffffn, clash: covers });
}
