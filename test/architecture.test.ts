import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/** The one folder that imports each npm package, as the table of packages in ARCHITECTURE.md says. */
const importerOf = new Map(
  [
    ...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(
      /^\| ([@\w/-]+) \| ((?:shared|policy|services)\/\w+) \| .+ \|$/gm,
    ),
  ].map(([, name = '', folder = '']) => [name, `${folder}/`]),
);

/** What each part may import of the project, besides itself. */
const mayImport: readonly (readonly [part: string, others: readonly string[]])[] = [
  ['shared/', []],
  ['policy/', ['shared/']],
  ['services/authority/', ['shared/']],
  ['services/scheduler/', ['shared/']],
  ['services/broker/', ['policy/', 'shared/']],
  ['services/cli/', ['policy/', 'shared/']],
];

/** The folders of the broker that only decide: no clock, no chance, no file, no socket. */
const pure = ['machine', 'migrate', 'queue', 'start', 'save', 'restore', 'gate/questions'].map(
  (name) => `services/broker/${name}/`,
);

interface Import {
  readonly file: string;
  /** A path in the project, a `node:` module, or a package. */
  readonly what: string;
  readonly typeOnly: boolean;
}

async function importsOf(): Promise<Import[]> {
  const found: Import[] = [];
  for await (const file of glob('{shared,policy,services}/**/*.ts')) {
    const text = readFileSync(file, 'utf8');
    for (const [, type, from, dynamic] of text.matchAll(
      /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/gm,
    )) {
      const name = from ?? dynamic ?? '';
      const what = name.startsWith('.') ? normalize(join(dirname(file), name)) : name;
      found.push({ file, what, typeOnly: type !== undefined });
    }
  }
  return found;
}

const imports = await importsOf();
const inProject = ({ what }: Import) => /^(?:shared|policy|services)\//.test(what);

test('the imports of the whole project were read', () => {
  assert.ok(imports.length > 500);
});

test('parts import only what the layers allow', () => {
  const wrong = imports.filter(inProject).filter(({ file, what }) => {
    const [part, others] = mayImport.find(([name]) => file.startsWith(name)) ?? ['', []];
    return part === '' || !(what.startsWith(part) || others.some((other) => what.startsWith(other)));
  });
  assert.deepEqual(wrong, []);
});

test('every npm package is imported from its one folder', () => {
  const packages = imports.filter((one) => !inProject(one) && !one.what.startsWith('node:'));
  const wrong = packages.filter(
    ({ file, what }) =>
      !file.startsWith(
        importerOf.get(
          what
            .split('/')
            .slice(0, what.startsWith('@') ? 2 : 1)
            .join('/'),
        ) ?? 'nowhere',
      ),
  );
  assert.deepEqual(wrong, []);
  const used = new Set(packages.map(({ what }) => what));
  const declared = Object.keys(
    (JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object }).dependencies,
  );
  // The package `node` is the runtime itself.
  assert.deepEqual(
    declared.filter((name) => name !== 'node' && !used.has(name)),
    [],
  );
});

test('what decides imports neither the machine nor the adapters', () => {
  const wrong = imports.filter(({ file, what, typeOnly }) => {
    if (!pure.some((folder) => file.startsWith(folder))) return false;
    if (what.startsWith('node:')) return true;
    return (
      what.startsWith('services/broker/') &&
      !typeOnly &&
      !pure.some((folder) => what.startsWith(folder)) &&
      !what.startsWith('services/broker/gate/')
    );
  });
  assert.deepEqual(wrong, []);
});
