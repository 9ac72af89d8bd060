import type { Target } from '../build/builder.ts';
import type { Context } from '../policydb/context.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { whyInvalid } from '../policydb/validity.ts';
import type { Header } from './header.ts';
import { readRange, resolveRange } from './levels.ts';
import { fault, type Reader, readCount, readText, readU32 } from './reader.ts';
import { readValue } from './symbol-table.ts';

/** The names of initial SIDs in Linux and in Xen, by number: a binary policy has the numbers only. */
const INITIAL_SIDS: Readonly<Record<Target, readonly string[]>> = {
  selinux: [
    '',
    'kernel',
    'security',
    'unlabeled',
    'fs',
    'file',
    'file_labels',
    'init',
    'any_socket',
    'port',
    'netif',
    'netmsg',
    'node',
    'igmp_packet',
    'icmp_socket',
    'tcp_socket',
    'sysctl_modprobe',
    'sysctl',
    'sysctl_fs',
    'sysctl_kernel',
    'sysctl_net',
    'sysctl_net_unix',
    'sysctl_vm',
    'sysctl_dev',
    'kmod',
    'policy',
    'scmp_packet',
    'devnull',
  ],
  xen: [
    '',
    'xen',
    'dom0',
    'domio',
    'domxen',
    'unlabeled',
    'security',
    'ioport',
    'iomem',
    'irq',
    'device',
    'domU',
    'domDM',
  ],
};
const initialSidMax = 255;
/** fs_use_xattr, fs_use_trans and fs_use_task. */
const fileSystemUses = 3;

/**
 * What each table of labelled things has before its context, in order (OCON_* of libsepol's policydb.h). The first,
 * initial SIDs, is read on its own.
 */
const LABELLED: Readonly<Record<Target, readonly ((reader: Reader) => void)[]>> = {
  selinux: [
    nameAndContext,
    (reader) => words(reader, 3),
    nameAndContext,
    (reader) => words(reader, 2),
    fileSystemUse,
    (reader) => words(reader, 8),
    (reader) => words(reader, 4),
    endPort,
  ],
  xen: [
    (reader) => words(reader, 1),
    (reader) => words(reader, 2),
    (reader) => words(reader, 4),
    (reader) => words(reader, 1),
    (reader) => void readText(reader, 'a path', readU32(reader)),
  ],
};

/**
 * Reads the contexts of initial SIDs and of what carries none itself. Apart from the initial SIDs no question asks for
 * them; they are checked, since a policy with an invalid context is damaged.
 */
export function readLabels(reader: Reader, { target, labelTables }: Header, db: Policydb): void {
  readInitialSids(reader, INITIAL_SIDS[target], db);
  for (const readBefore of LABELLED[target].slice(0, labelTables - 1)) {
    const count = readCount(reader, 'labels', 24);
    for (let label = 0; label < count; label++) {
      readBefore(reader);
      readContext(reader, db);
      if (readBefore === nameAndContext) readContext(reader, db);
    }
  }
  readFileSystemPaths(reader, db);
}

function readInitialSids(reader: Reader, known: readonly string[], db: Policydb): void {
  const { names, values } = db.initialSids;
  const count = readCount(reader, 'initial SIDs', 28);
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const sid = readU32(reader);
    if (sid < 1 || sid > initialSidMax || db.initialContexts[sid] !== undefined) {
      fault(reader, `initial SID ${sid} is out of range, or there twice`, at);
    }
    while (names.length <= sid) names.push('');
    const name = known[sid] ?? `sid${sid}`;
    names[sid] = name;
    values.set(name, sid);
    db.initialContexts[sid] = readContext(reader, db);
  }
}

function readContext(reader: Reader, db: Policydb): Context {
  const at = reader.offset;
  const user = readValue(reader, db.users, 'user');
  const role = readValue(reader, db.roles, 'role');
  const type = readValue(reader, db.types, 'type');
  const context = { user, role, type, range: resolveRange(reader, db.mls, readRange(reader)) };
  const why = db.types.isAttribute[type] ? 'its type is an attribute' : whyInvalid(db, context);
  return why === undefined ? context : fault(reader, `an invalid context: ${why}`, at);
}

function words(reader: Reader, count: number): void {
  for (let word = 0; word < count; word++) readU32(reader);
}

function nameAndContext(reader: Reader): void {
  readText(reader, 'a name', readU32(reader));
}

function fileSystemUse(reader: Reader): void {
  const at = reader.offset;
  const behaviour = readU32(reader);
  if (behaviour < 1 || behaviour > fileSystemUses) fault(reader, `unknown fs_use ${behaviour}`, at);
  readText(reader, 'a file system', readU32(reader));
}

function endPort(reader: Reader): void {
  const length = readU32(reader);
  const port = readU32(reader);
  if (port < 1 || port > 255) fault(reader, `InfiniBand port ${port}`, reader.offset - 4);
  readText(reader, 'a device', length);
}

/** genfscon: paths by file system, each with its context. */
function readFileSystemPaths(reader: Reader, db: Policydb): void {
  const seen = new Set<string>();
  const count = readCount(reader, 'file systems', 9);
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const fileSystem = readText(reader, 'a file system', readU32(reader));
    if (seen.has(fileSystem)) fault(reader, `file system \`${fileSystem}\` is there twice`, at);
    seen.add(fileSystem);
    const paths = readCount(reader, 'paths', 33);
    for (let path = 0; path < paths; path++) {
      readText(reader, 'a path', readU32(reader));
      const classAt = reader.offset;
      const tclass = readU32(reader);
      if (tclass !== 0 && !db.classes.names[tclass]) fault(reader, `unknown class ${tclass}`, classAt);
      readContext(reader, db);
    }
  }
}
