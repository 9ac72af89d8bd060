import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CpioEntry } from '../../../services/cli/guest/cpio.ts';

const applets = ['ls', 'sha256sum', 'cut', 'mkdir'];

/** Node as it runs here, with the shared libraries it is linked with, and what busybox is called by besides. */
export function runtimeFiles(): CpioEntry[] {
  const libraries = [
    ...execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(?:=> )?(\/\S+) \(0x/g),
  ].map(([, path = '']) => path);
  return [
    ...foldersOf(libraries.map((path) => path.slice(1))),
    ...libraries.map((path) => file(path.slice(1), 0o755, path)),
    ...applets.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' })),
    file('bin/node', 0o755, process.execPath),
  ];
}

/**
 * Programs of the project, and all files and packages that they import when they run, below `carnet`. Node's own stripping of
 * types is applied here, and `.ts` becomes `.js`: within an emulated guest it would take longer than all the rest.
 */
export function projectFiles(programs: readonly string[]): CpioEntry[] {
  const found = new Map<string, string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const code = stripTypeScriptTypes(readFileSync(path, 'utf8'));
    found.set(
      path,
      code.replaceAll(importOf, (whole) => whole.replace(/\.ts'$/, ".js'")),
    );
    for (const [, from = ''] of code.matchAll(importOf)) {
      if (from.startsWith('.')) visit(normalize(join(dirname(path), from)));
      else if (!from.startsWith('node:')) packages.add(from);
    }
  };
  programs.forEach(visit);
  const entries = [
    ...[...found].map(([path, code]) => text(path.replace(/\.ts$/, '.js'), code)),
    ...[...packages].flatMap(packageFiles),
    text('package.json', '{ "type": "module" }'),
  ];
  return [...foldersOf(entries.map(({ path }) => path)), ...entries];
}

const text = (path: string, code: string): CpioEntry => ({
  path: join('carnet', path),
  mode: 0o644,
  data: Buffer.from(code),
});

/** A package that is one file and imports nothing. */
function packageFiles(name: string): CpioEntry[] {
  const code = readFileSync(fileURLToPath(import.meta.resolve(name)), 'utf8');
  if (code.search(importOf) >= 0) throw new Error(`${name} imports something, which the guest does not have`);
  return [
    text(`node_modules/${name}/package.json`, '{ "type": "module", "main": "index.js" }'),
    text(`node_modules/${name}/index.js`, code),
  ];
}

const importOf = /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;

function file(path: string, mode: number, source: string): CpioEntry {
  return { path, mode, data: readFileSync(source) };
}

/** The folders that the paths lie in, each after the one it lies in. */
function foldersOf(paths: readonly string[]): CpioEntry[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = dirname(path).split('/');
    parts.forEach((_, index) => {
      folders.add(parts.slice(0, index + 1).join('/'));
    });
  }
  return [...folders].sort().map((path) => ({ path, mode: 0o755, directory: true }));
}
