import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private directory that is gone after the test. */
export function temporaryDirectory(t: { after(remove: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'carnet-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
