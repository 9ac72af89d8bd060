import { join } from 'node:path';
import { principalName, sha256Hex } from '../../shared/ids.ts';
import { limits } from '../../shared/limits.ts';
import { secretBytes, tokenId } from '../../shared/messages/enrol-form.ts';
import { principal, role } from '../../shared/pki/principal.ts';
import { bytes, fields, integer, list, nullable, type Shape, text } from '../../shared/schema/schema.ts';
import { openStore, type Store, type Table } from '../../shared/store/store.ts';

const timeMs = integer(0, Number.MAX_SAFE_INTEGER);

export const addressesMax = 16;

/** A token that was handed out. It is kept until it is over, so that a second use can be told from an unknown token. */
export const tokenRecord = fields({
  id: tokenId,
  secret: bytes(secretBytes, secretBytes),
  holder: principal,
  /** DNS names and IP addresses a host is reached under. */
  addresses: list(text(600), addressesMax),
  certificateLifetimeMs: timeMs,
  expiresAtMs: timeMs,
  /** The key it was used for, and what was issued. */
  used: nullable(fields({ keyDigest: sha256Hex, certificate: bytes(limits.certificateBytes), atMs: timeMs })),
});
export type TokenRecord = Shape<typeof tokenRecord>;

/** Who has a name in the fleet: a name belongs to one role for good. */
export const holderRecord = fields({
  name: principalName,
  role,
  /** The latest certificate's fingerprint; null until one was issued. */
  fingerprint: nullable(sha256Hex),
  notAfterMs: timeMs,
});
export type HolderRecord = Shape<typeof holderRecord>;

export interface Records {
  readonly tokens: Table<TokenRecord>;
  readonly holders: Table<HolderRecord>;
  transaction<T>(act: () => T): T;
}

export const openRecords = (store: Store): Records => ({
  tokens: store.table('tokens', tokenRecord),
  holders: store.table('holders', holderRecord),
  transaction: (act) => store.transaction(act),
});

/** The records of the authority in a directory. The store is safe for several processes: tokens are made while it serves. */
export async function withRecords<T>(directory: string, act: (records: Records) => Promise<T>): Promise<T> {
  const store = openStore(join(directory, 'records'));
  try {
    return await act(openRecords(store));
  } finally {
    await store.close();
  }
}
