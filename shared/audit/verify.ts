import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { genesis, hashOfLine, lineBytesMax, linkOf, recoveredMark } from './chain.ts';

/** What a log was found to be: sound up to its head, or where it first is not. Lines count from 1. */
export type Verified =
  | { readonly ok: true; readonly records: number; readonly head: string }
  | { readonly ok: false; readonly line: number; readonly problem: string };

/**
 * Reads a log from its beginning and checks that every record names the one before it. With `expectedHead`, a head that was
 * kept elsewhere, also that the log still holds that record: a log that was cut or forked does not.
 * @throws what reading the file throws.
 */
export async function verifyAuditLog(path: string, expectedHead?: string): Promise<Verified> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    let head = genesis;
    let count = 0;
    let serial = 0;
    let torn = 0;
    let seen = expectedHead === undefined || expectedHead === genesis;
    for await (const line of linesOf(file)) {
      count += 1;
      if (Buffer.byteLength(line) >= lineBytesMax) return { ok: false, line: count, problem: 'the line is too long' };
      const link = linkOf(line);
      if (torn !== 0 && !(link?.prev === head && line.includes(recoveredMark))) {
        return { ok: false, line: torn, problem: 'the line is not a record' };
      }
      torn = link === undefined ? count : 0;
      if (link !== undefined) {
        if (link.prev !== head)
          return { ok: false, line: count, problem: 'the record before it is not the one it names' };
        if (link.serial < serial) return { ok: false, line: count, problem: 'the serial number goes back' };
        serial = link.serial;
      }
      head = hashOfLine(line);
      seen ||= head === expectedHead;
    }
    if (torn !== 0) return { ok: false, line: torn, problem: 'the line is not a record' };
    if (!seen) return { ok: false, line: count + 1, problem: 'the record of the head that was kept is missing' };
    return { ok: true, records: count, head };
  } finally {
    await file.close();
  }
}

/** The lines of a file without their line feeds; one that is too long comes cut, and is the last. */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  const chunk = Buffer.alloc(64 * 1024);
  let rest = Buffer.alloc(0);
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let from = 0;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
      yield rest.toString('utf8', from, end);
      from = end + 1;
    }
    rest = rest.subarray(from);
    if (rest.length >= lineBytesMax) break;
  }
  if (rest.length > 0) yield rest.toString('utf8');
}
