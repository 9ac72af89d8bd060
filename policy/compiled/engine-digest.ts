import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folders whose code decides what a compiled form holds. */
const FOLDERS = ['language', 'build', 'check', 'policydb', 'compiled'];
const policyFolder = fileURLToPath(new URL('..', import.meta.url));

let digest: string | undefined;

/**
 * SHA-256, in hex, of the code that compiles and of the JavaScript engine it runs on. A compiled form is taken only from
 * the very code that made it, so that a check that is added or corrected is made on every policy anew.
 */
export function engineDigest(): string {
  if (digest === undefined) {
    const hash = createHash('sha256').update(process.versions.v8);
    for (const folder of FOLDERS) addFolder(hash, folder);
    digest = hash.digest('hex');
  }
  return digest;
}

function addFolder(hash: Hash, folder: string): void {
  const entries = readdirSync(join(policyFolder, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) addFolder(hash, path);
    else hash.update(`\0${path}\0`).update(readFileSync(join(policyFolder, path)));
  }
}
