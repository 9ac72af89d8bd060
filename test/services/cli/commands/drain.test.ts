import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { leastTried, spread, type VmToMove } from '../../../../services/cli/drain/plan.ts';
import type { Answer, Request } from '../../../../shared/messages/request.ts';
import type { OperationView, Outcome } from '../../../../shared/messages/view.ts';
import { clientId, decisionOf, hostId, labelOf, operationIdOf, specOf, vmId } from '../../../support/values.ts';
import { createFakeFleet } from '../fake-fleet.ts';
import { carnet } from '../run-carnet.ts';

const takes = (host: string) => ({ host: hostId(host), takes: true }) as const;
const missing = 'allow gamma_host_t carnet_t:vmhost accept_from;';
const refusal = decisionOf('refused', {
  host: 'gamma',
  questions: [{ kind: 'access', why: 'this host may', asked: 'a b:vmhost { x }', allowed: false, rules: [], missing }],
});
const toMove = (name: string, memoryMiB: number, ...hosts: string[]): VmToMove => ({
  vm: vmId(name),
  memoryMiB,
  verdicts: hosts.map(takes),
});

test('VMs are spread over the hosts that take them, the largest first, each to the least loaded', () => {
  const loads = new Map([
    [hostId('beta'), 100],
    [hostId('gamma'), 0],
  ]);
  const vms = [toMove('a', 10, 'beta', 'gamma'), toMove('b', 300, 'beta', 'gamma'), toMove('c', 50, 'gamma')];
  assert.deepEqual(Object.fromEntries(spread(vms, loads)), { b: 'gamma', c: 'gamma', a: 'beta' });
  assert.deepEqual(Object.fromEntries(loads), { beta: 110, gamma: 350 });
});

test('a VM goes only to a host that would take it and was not tried, and no such host is less loaded', () => {
  const hosts = ['alpha', 'beta', 'gamma'].map(hostId);
  const some = fc.uniqueArray(fc.constantFrom(...hosts));
  const anyLoads = fc.array(fc.nat(5), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(some, some, anyLoads, (takers, tried, sizes) => {
      const loads = new Map(hosts.map((host, at) => [host, sizes[at] ?? 0]));
      const left = takers.filter((host) => !tried.includes(host));
      const chosen = leastTried(takers, new Map(tried.map((host) => [host, 1])), 1, loads);
      assert.equal(chosen === undefined, left.length === 0);
      if (chosen === undefined) return;
      assert.ok(left.includes(chosen));
      assert.ok(left.every((host) => (loads.get(host) ?? 0) >= (loads.get(chosen) ?? 0)));
    }),
  );
});

interface World {
  /** What the hosts would say to a migration there; undefined is yes. */
  readonly refused?: (vm: string, destination: string) => Answer | undefined;
  /** How a migration ends; undefined while it is under way. */
  readonly ends?: (vm: string, destination: string) => Outcome | undefined;
  readonly vms?: readonly string[];
  readonly underWay?: Readonly<Record<string, OperationView>>;
  readonly mayDrain?: boolean;
}

const viewOf = (n: number, vm: string, peer: string, outcome: Outcome | null, drain = true): OperationView => ({
  operation: operationIdOf(n),
  kind: 'migrate-source',
  vm: vmId(vm),
  state: outcome === null ? 'transferring' : 'completed',
  client: clientId('operator'),
  startedAtMs: 1,
  endedAtMs: outcome === null ? null : 2,
  peer: hostId(peer),
  drain,
  progress: { phase: 'transferring' },
  decisions: [],
  outcome,
});

/** alpha, to be drained, and beta and gamma, where its VMs may go. */
async function drainingFleet(world: World) {
  const fleet = await createFakeFleet();
  const here = new Set(world.vms ?? ['web', 'db']);
  const open = new Map(Object.entries(world.underWay ?? {}).map(([vm, view]) => [vm, view]));
  let marked = false;
  let made = 100;
  const alpha = await fleet.host('alpha', (request): Answer => {
    switch (request.verb) {
      case 'list':
        return {
          is: 'vms',
          vms: [...here].map((vm) => ({
            vm: vmId(vm),
            host: hostId('alpha'),
            state: vm.startsWith('off') ? 'stopped' : vm.startsWith('paused') ? 'paused' : 'running',
            label: labelOf('u:r:vm_t:s0'),
            epoch: 1,
            memoryMiB: 64,
          })),
        };
      case 'show':
        return {
          is: 'vm',
          vm: {
            vm: request.vm,
            host: hostId('alpha'),
            state: 'running',
            label: labelOf('u:r:vm_t:s0'),
            epoch: 1,
            spec: specOf(request.vm),
            accelerator: 'tcg',
            pid: 1,
            operation: open.get(request.vm)?.operation ?? null,
            console: null,
          },
        };
      case 'explain': {
        const { action } = request;
        if (action.verb !== 'migrate') return { is: 'explained', decisions: [] };
        const no = world.refused?.(action.vm, action.destination);
        return no ?? { is: 'explained', decisions: [decisionOf('allowed'), decisionOf('allowed')] };
      }
      case 'drain':
        if (world.mayDrain === false) return { is: 'refused', decision: refusal };
        marked = true;
        return { is: 'done' };
      case 'undrain':
        marked = false;
        return { is: 'done' };
      case 'migrate': {
        const outcome = world.ends?.(request.vm, request.destination) ?? { is: 'completed' };
        const view = viewOf(made++, request.vm, request.destination, outcome);
        open.set(request.vm, view);
        if (outcome.is === 'completed') here.delete(request.vm);
        return { is: 'accepted', operation: view.operation };
      }
      case 'cancel':
        return { is: 'done' };
      case 'operation': {
        const view = [...open.values()].find(({ operation }) => operation === request.operation);
        if (view === undefined) return { is: 'failed', fault: { code: 'OPERATION_UNKNOWN', message: 'unknown' } };
        // What was found under way ends when it is looked at for the second time.
        if (view.outcome === null) open.set(view.vm, { ...view, outcome: { is: 'completed' }, endedAtMs: 2 });
        if (view.outcome?.is === 'completed') here.delete(view.vm);
        return { is: 'operation', operation: view };
      }
      default:
        return { is: 'failed', fault: { code: 'USAGE_INVALID', message: request.verb } };
    }
  });
  for (const name of ['beta', 'gamma']) await fleet.host(name, () => ({ is: 'vms', vms: [] }));
  return {
    run: (...argv: string[]) => carnet(['host', ...argv], { connect: fleet.connect }),
    asked: (verb: Request['verb']) => alpha.asked.filter((request) => request.verb === verb),
    marked: () => marked,
  };
}

const notToGamma: World['refused'] = (_vm, destination) =>
  destination === 'gamma' ? { is: 'explained', decisions: [decisionOf('allowed'), refusal] } : undefined;

test('host drain says where each VM can go, marks the host, moves what runs and ends with 0', async () => {
  const world = await drainingFleet({ vms: ['web', 'db', 'off'], refused: notToGamma });
  const { status, stdout, stderr } = await world.run('drain', 'alpha');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /2 moved away from alpha, 0 left/);
  assert.match(stderr, /web +64 MiB +beta/);
  assert.ok(world.marked());
  const moved = world.asked('migrate').map((one) => one.verb === 'migrate' && [one.vm, one.destination, one.drain]);
  assert.deepEqual(moved, [
    ['web', 'beta', true],
    ['db', 'beta', true],
  ]);
  const [first] = world.asked('migrate');
  assert.equal(first?.verb === 'migrate' && first.queueMsMax, 24 * 3_600_000);
});

test('a VM that has nowhere to go is named first with the rule that is missing, and nothing is done', async () => {
  const nowhere: World['refused'] = (vm) =>
    vm === 'db' ? { is: 'explained', decisions: [decisionOf('allowed'), refusal] } : undefined;
  const world = await drainingFleet({ refused: nowhere });
  const { status, stdout } = await world.run('drain', 'alpha');
  assert.equal(status, 8);
  assert.match(stdout, /db has nowhere to go\n +beta: allow gamma_host_t carnet_t:vmhost accept_from;/);
  assert.deepEqual([world.marked(), world.asked('migrate').length], [false, 0]);
  const partial = await world.run('drain', 'alpha', '--partial');
  assert.equal(partial.status, 3, partial.stderr);
  assert.deepEqual(
    world.asked('migrate').map((one) => one.verb === 'migrate' && one.vm),
    ['web'],
  );
});

test('--dry-run changes nothing, and says the same in JSON', async () => {
  const world = await drainingFleet({ refused: notToGamma });
  const { status, stdout } = await world.run('drain', 'alpha', '--dry-run', '--json');
  assert.equal(status, 0);
  const { drain } = JSON.parse(stdout) as { drain: { nowhere: string[]; vms: { vm: string; takers: string[] }[] } };
  assert.deepEqual(drain.nowhere, []);
  assert.deepEqual(
    drain.vms.map(({ vm, takers }) => [vm, takers]),
    [
      ['web', ['beta']],
      ['db', ['beta']],
    ],
  );
  assert.deepEqual([world.marked(), world.asked('migrate').length], [false, 0]);
});

test('a paused VM has nowhere to go until it is resumed, which is no refusal by policy', async () => {
  const world = await drainingFleet({ vms: ['paused1'] });
  const { status, stdout } = await world.run('drain', 'alpha');
  assert.equal(status, 10);
  assert.match(stdout, /carnet vm resume paused1/);
});

test('a host that was tried before comes after those that were not, however loaded they are', () => {
  const [beta, gamma] = [hostId('beta'), hostId('gamma')];
  const loads = new Map([[gamma, 1000]]);
  assert.equal(leastTried([beta, gamma], new Map([[beta, 1]]), 3, loads), gamma);
  assert.equal(
    leastTried(
      [beta, gamma],
      new Map([
        [beta, 1],
        [gamma, 1],
      ]),
      3,
      loads,
    ),
    beta,
  );
  assert.equal(
    leastTried(
      [beta, gamma],
      new Map([
        [beta, 3],
        [gamma, 3],
      ]),
      3,
      loads,
    ),
    undefined,
  );
});

test('where a destination fails the next one that would take the VM is tried, each three times, and where none is left it stays', async () => {
  const fault = { code: 'HOST_FULL', message: 'no room' } as const;
  const world = await drainingFleet({
    ends: (vm, destination) => (vm === 'db' || destination === 'beta' ? { is: 'failed', fault } : undefined),
  });
  const { status, stdout } = await world.run('drain', 'alpha', '--json');
  assert.equal(status, 3);
  const { drain } = JSON.parse(stdout) as { drain: { moved: object[]; left: object[] } };
  assert.deepEqual(drain.moved, [{ vm: 'web', to: 'gamma' }]);
  assert.deepEqual(drain.left, [{ vm: 'db', why: 'no room' }]);
  const tried = world.asked('migrate').map((one) => one.verb === 'migrate' && `${one.vm} ${one.destination}`);
  assert.deepEqual(tried.filter((one) => one !== false && one.startsWith('db')).toSorted(), [
    ...['db beta', 'db beta', 'db beta'],
    ...['db gamma', 'db gamma', 'db gamma'],
  ]);
});

test('done again it goes on with what is under way instead of beginning it twice', async () => {
  const world = await drainingFleet({ vms: ['web'], underWay: { web: viewOf(7, 'web', 'gamma', null) } });
  const { status, stdout } = await world.run('drain', 'alpha', '--json');
  assert.equal(status, 0);
  assert.deepEqual(world.asked('migrate'), []);
  assert.deepEqual((JSON.parse(stdout) as { drain: { moved: object[] } }).drain.moved, [{ vm: 'web', to: 'gamma' }]);
});

test('who may not drain is refused with 8, and nothing is moved', async () => {
  const world = await drainingFleet({ mayDrain: false });
  assert.equal((await world.run('drain', 'alpha')).status, 8);
  assert.deepEqual(world.asked('migrate'), []);
});

test('--cancel gives up what a drain began, nothing else, and takes the mark away', async () => {
  const own = viewOf(8, 'db', 'beta', null, false);
  const world = await drainingFleet({ underWay: { web: viewOf(7, 'web', 'gamma', null), db: own } });
  const { status } = await world.run('drain', 'alpha', '--cancel');
  assert.equal(status, 0);
  assert.deepEqual(world.asked('cancel'), [{ verb: 'cancel', operation: operationIdOf(7) }]);
  assert.equal(world.asked('undrain').length, 1);
  assert.equal((await world.run('undrain', 'alpha')).status, 0);
  assert.equal(world.asked('undrain').length, 2);
});
