import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffPolicies, isEmptyDifference, printAllowed } from '../../policy/diff/diff.ts';
import type { Policy } from '../../policy/policy.ts';
import { mustLoad } from '../support/policy/load.ts';
import { createRandom } from '../support/policy/random.ts';
import { randomPolicy } from '../support/policy/random-policy.ts';
import { type Additions, smallPolicy } from '../support/policy/small-policy.ts';

const withCommands: Additions = { classes: 'class file2', access: 'class file2 inherits file_like { ioctl }' };
const made = (rules: string, more: Additions = withCommands): Policy => mustLoad(smallPolicy({ ...more, rules }));

/** The difference as lines, `+` for what the second has. */
function linesOf(first: Policy, second: Policy): string[] {
  const { domains, added, removed } = diffPolicies(first, second);
  return [
    ...domains.flatMap(({ domain, more, less }) => [
      ...more.map((one) => `+ ${printAllowed(domain, one)}`),
      ...less.map((one) => `- ${printAllowed(domain, one)}`),
    ]),
    ...added.map((line) => `+ ${line}`),
    ...removed.map((line) => `- ${line}`),
  ];
}

const cases: readonly (readonly [what: string, first: string, second: string, lines: readonly string[]])[] = [
  [
    'a rule written in another way is none',
    'allow user_t disk:file { read write };',
    'allow user_t disk:file read; allow user_t qemu_virtdisk_t:file write;',
    [],
  ],
  [
    'a rule on an attribute is one for each type',
    '',
    'allow domain disk:file read;',
    [
      '+ allow kernel_t qemu_virtdisk_t:file read;',
      '+ allow user_t qemu_virtdisk_t:file read;',
      '+ allow vm_user_t qemu_virtdisk_t:file read;',
    ],
  ],
  [
    'what another rule allowed already is left out',
    'allow user_t disk:file { read write };',
    'allow domain disk:file read;',
    [
      '+ allow kernel_t qemu_virtdisk_t:file read;',
      '- allow user_t qemu_virtdisk_t:file write;',
      '+ allow vm_user_t qemu_virtdisk_t:file read;',
    ],
  ],
  [
    'a type that gets an attribute gets what the attribute may',
    'allow domain disk:file read;',
    'allow domain disk:file read; typeattribute other_t domain;',
    ['+ allow other_t qemu_virtdisk_t:file read;'],
  ],
  [
    'and is reached by what reached it',
    'allow user_t disk:file read;',
    'allow user_t disk:file read; typeattribute other_t disk;',
    ['+ allow user_t other_t:file read;'],
  ],
  [
    'conditions are told apart',
    'allow user_t disk:file read;',
    'allow user_t disk:file read; if (on) { allow user_t disk:file { read write }; }',
    ['+ allow user_t qemu_virtdisk_t:file write; [ on ]:True'],
  ],
  [
    'the two ways to write a condition are one',
    'if (!on || off) { allow user_t disk:file read; }',
    'if (on && !off) { } else { allow user_t disk:file read; }',
    [],
  ],
  [
    'what both sides allow is allowed anyway',
    'allow user_t disk:file read;',
    'if (on) { allow user_t disk:file read; } else { allow user_t disk:file read; }',
    [],
  ],
  [
    'a condition that goes is more',
    'if (on) { allow user_t disk:file read; }',
    'allow user_t disk:file read;',
    ['+ allow user_t qemu_virtdisk_t:file read;'],
  ],
  [
    'transitions, roles and the rest are lines of their own',
    'type_transition user_t disk:vm vm_user_t;',
    'type_transition user_t disk:vm other_t; allow user_r system_r; permissive user_t;',
    [
      '+ allow user_r system_r;',
      '+ permissive user_t;',
      '+ type_transition user_t qemu_virtdisk_t:vm other_t;',
      '- type_transition user_t qemu_virtdisk_t:vm vm_user_t;',
    ],
  ],
  [
    'a rule on single commands takes the others away',
    'allow user_t disk:file2 ioctl;',
    'allow user_t disk:file2 ioctl; allowxperm user_t disk:file2 ioctl { 1-2 3 };',
    ['+ allowxperm user_t disk:file2 ioctl { 0x0001-0x0003 };'],
  ],
  ['auditing changes no answer', 'dontaudit user_t disk:file read;', 'auditallow user_t disk:file read;', []],
];
for (const [what, first, second, lines] of cases) {
  test(what, () => assert.deepEqual(linesOf(made(first), made(second)), lines));
}

test('a constraint that goes is a difference', () => {
  const lines = linesOf(made('', { ...withCommands, constraints: 'constrain file read ( u1 == u2 );' }), made(''));
  assert.deepEqual(lines, ['- constrain file read ( u1 == u2 );']);
});

test('names are compared, not numbers', () => {
  const more: Additions = { classes: 'class first', access: 'class first { write read }' };
  const lines = linesOf(made('allow user_t disk:vm stop;', {}), made('allow user_t disk:vm { stop start };', more));
  assert.deepEqual(lines, ['+ allow user_t qemu_virtdisk_t:vm start;', '+ class first { read write }']);
});

/** Every allowed permission of every pair, as the engine answers under all values of the booleans. */
function everything(policy: Policy, types: readonly string[], classes: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const values of [false, true]) {
    const set = policy.withBooleans(Object.fromEntries([...policy.booleans.keys()].map((name) => [name, values])), 2);
    for (const source of types) {
      for (const target of types) {
        for (const tclass of classes) {
          const perms = set.computeAv(`user_0u:object_r:${source}`, `user_0u:object_r:${target}`, tclass).allowed;
          for (const perm of perms) found.add(`${values} ${source} ${target}:${tclass} ${perm}`);
        }
      }
    }
  }
  return found;
}

test('an empty difference means equal answers, and every answer that differs is in the difference', () => {
  let compared = 0;
  for (let seed = 1; seed < 60; seed++) {
    const base = randomPolicy(seed);
    if (base.mls) continue;
    const random = createRandom(seed);
    const lines = base.text.split('\n');
    const rules = lines.flatMap((line, at) => (line.startsWith('allow ') && line.includes(':') ? [at] : []));
    const without = lines.filter((_, at) => at !== random.pick(rules)).join('\n');
    const [first, second] = [base.text, without].map((text) => {
      try {
        return mustLoad(text);
      } catch {
        return undefined;
      }
    });
    if (first === undefined || second === undefined) continue;
    compared++;
    const difference = diffPolicies(second, first);
    // The last is an alias.
    const types = base.types.slice(0, -1);
    const [before, after] = [everything(second, types, base.classes), everything(first, types, base.classes)];
    const more = new Set(
      difference.domains.flatMap(({ domain, more: rulesOf }) =>
        rulesOf.flatMap(({ targets, tclass, perms }) =>
          targets.flatMap((target) => perms.map((perm) => `${domain} ${target}:${tclass} ${perm}`)),
        ),
      ),
    );
    for (const answer of after) {
      if (!before.has(answer)) assert.ok(more.has(answer.replace(/^\w+ /, '')), `seed ${seed}: ${answer}`);
    }
    if (isEmptyDifference(difference)) assert.deepEqual(after, before);
  }
  assert.ok(compared > 5, `only ${compared} pairs of policies were compared`);
});
