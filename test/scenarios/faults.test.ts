import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Moment } from './faults/moments.ts';
import { play } from './faults/play.ts';
import type { Fault } from './faults/strikes.ts';
import { openWorld, type World } from './faults/world.ts';

/** Those that cost most when they go wrong. `npm run faults` plays all, and `npm run faults -- --network` cuts links. */
const chosen: readonly (Moment & { fault: Fault })[] = [
  { kind: 'migrate-source', state: 'handing-over', fault: 'broker here' },
  { kind: 'migrate-source', state: 'switching-over', fault: 'bus' },
  { kind: 'migrate-destination', state: 'claiming', fault: 'broker here' },
  { kind: 'migrate-destination', state: 'awaiting-handover', fault: 'QEMU here' },
  { kind: 'save', state: 'sealing', fault: 'broker here' },
  { kind: 'restore', state: 'loading', fault: 'broker here' },
];

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

for (const { fault, ...moment } of chosen) {
  test(`${moment.kind}, ${fault} killed after the record of ${moment.state}: never two, never lost, nothing counted twice`, {
    timeout: 600_000,
  }, async () => {
    const { problems, outcome } = await play(world, moment, fault);
    assert.deepEqual(problems, []);
    assert.match(
      outcome,
      moment.kind === 'restore'
        ? /^not restored, its checkpoint is whole$/
        : /^runs (?:there|at the (?:source|destination))$/,
    );
  });
}
