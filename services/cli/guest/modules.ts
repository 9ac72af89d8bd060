import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The kernel modules in the order they have to be loaded in, as paths under `modulesDir` (`…/lib/modules/VERSION/kernel`),
 * each after those it depends on. Dependencies are read from the modules themselves (`depends=` in `.modinfo`), as a
 * kernel package that was only unpacked has no modules.dep. `available` are all module paths under `modulesDir`.
 */
export async function loadOrder(
  modulesDir: string,
  available: readonly string[],
  wanted: readonly string[],
): Promise<string[]> {
  const byName = new Map(available.map((path) => [moduleName(path), path]));
  const ordered: string[] = [];
  const visit = async (name: string, depth: number): Promise<void> => {
    const path = byName.get(name);
    if (path === undefined || depth > 16) throw new Error(`the kernel package has no module ${name}`);
    if (ordered.includes(path)) return;
    for (const needed of dependsOf(await readFile(join(modulesDir, path)))) await visit(needed, depth + 1);
    if (!ordered.includes(path)) ordered.push(path);
  };
  for (const name of wanted) await visit(name, 0);
  return ordered;
}

/** The names in a module's `depends=` entry. */
export function dependsOf(module: Uint8Array): string[] {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength).toString('latin1');
  const list = /(?:^|\0)depends=([A-Za-z0-9_,-]*)\0/.exec(text)?.[1] ?? '';
  return list === '' ? [] : list.split(',').map((name) => name.replaceAll('-', '_'));
}

const moduleName = (path: string): string =>
  path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko$/, '')
    .replaceAll('-', '_');
