import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { consoleEnd, guestLines } from '../../../services/cli/demo/console.ts';
import type { FleetLayout } from '../../../services/cli/fleet/layout.ts';
import { type QemuProcess, qemusUnder } from '../../../services/cli/fleet/proc.ts';
import { type Program, runningProcess, startProgram, stopProgram } from '../../../services/cli/fleet/processes.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { OperationId } from '../../../shared/ids.ts';
import type { Action, Answer, Request } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import { hostId } from '../../support/values.ts';
import { type Host, hosts } from './hosts.ts';
import type { World } from './world.ts';

/** Looks again and again until something is there. Fails with the sentence when it takes too long. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`${what}: waited ${timeoutMs} ms in vain`);
    await delay(50);
  }
}

/** Asks a host; a broker or a bus that is away just now is asked again. */
export const ask = ({ client }: World, host: Host, request: Request): Promise<Answer> =>
  until(`${host} answers`, 120_000, async () => {
    try {
      return await client.ask(hostId(host), request);
    } catch (error) {
      if (error instanceof BrokerError && error.code.startsWith('BUS_')) return undefined;
      throw error;
    }
  });

/** Asks for an operation and waits for its end. */
export async function finish(world: World, host: Host, action: Action): Promise<OperationView> {
  const accepted = await ask(world, host, action);
  if (accepted.is !== 'accepted') throw new Error(`${action.verb} on ${host}: ${JSON.stringify(accepted)}`);
  return untilEnded(world, host, accepted.operation);
}

export const untilEnded = (world: World, host: Host, operation: OperationId): Promise<OperationView> =>
  until(`${operation} on ${host} ends`, 180_000, async () => {
    const answer = await ask(world, host, { verb: 'operation', operation });
    return answer.is === 'operation' && answer.operation.outcome !== null ? answer.operation : undefined;
  });

const settleTimeoutMs = 240_000;

/** The operations of a host that have not ended. Rejects where it does not answer. */
export async function openOn(world: World, host: Host): Promise<OperationView[]> {
  const answer = await world.client.ask(hostId(host), { verb: 'operations' });
  if (answer.is !== 'operations') throw new Error(`${host} answered ${answer.is}`);
  return answer.operations.filter(({ outcome }) => outcome === null);
}

/** Waits until no operation is open on either host. */
export const settled = (world: World): Promise<true> =>
  until('every operation ends', settleTimeoutMs, async () => {
    for (const host of hosts) {
      const open = await openOn(world, host).catch(() => undefined);
      if (open === undefined || open.length > 0) return undefined;
    }
    return true;
  });

export const qemusOn = ({ layout }: World, host: Host): QemuProcess[] => qemusUnder(layout.host(host).folder);

/** What a host says of the VM; undefined where it does not know it. */
export async function shown(world: World, host: Host) {
  const answer = await ask(world, host, { verb: 'show', vm: world.spec.name });
  if (answer.is === 'vm') return answer.vm;
  if (answer.is === 'failed' && answer.fault.code === 'VM_UNKNOWN') return undefined;
  throw new Error(`${host} answered ${JSON.stringify(answer)}`);
}

const programOf = (world: World, name: string) => {
  const program = world.programs.find((one) => one.name === name);
  if (program === undefined) throw new Error(`the fleet has no ${name}`);
  return program;
};

/** Stops a broker and starts it again; after each of the records `stopAfter` names, in their order, it will stop where it is. */
export async function restartBroker(world: World, host: Host, stopAfter: readonly string[]): Promise<void> {
  await stopProgram(world.layout, host);
  if (stopAfter.length > 0) process.env['CARNET_STOP_AFTER'] = stopAfter.join();
  try {
    await keepStarting(world.layout, programOf(world, host));
  } finally {
    delete process.env['CARNET_STOP_AFTER'];
  }
}

const stateOf = (pid: number): string => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.charAt(text.lastIndexOf(')') + 2);
};

const pidOf = (world: World, name: string): number => {
  const id = runningProcess(world.layout, name);
  if (id === undefined) throw new Error(`${name} does not run`);
  return id.pid;
};

export const isUp = ({ layout }: World, name: string): boolean => runningProcess(layout, name) !== undefined;

/** Whether a broker has come to a record it stops after. */
export const isStopped = (world: World, host: Host): boolean => stateOf(pidOf(world, host)) === 'T';

export const signal = (world: World, name: string, what: 'SIGSTOP' | 'SIGCONT'): void =>
  void process.kill(pidOf(world, name), what);

export const goOn = (world: World, host: Host): void => signal(world, host, 'SIGCONT');

/** Kills programs of the fleet at once, and waits until they are gone. */
export async function kill(world: World, names: readonly string[]): Promise<void> {
  for (const name of names) process.kill(pidOf(world, name), 'SIGKILL');
  await until(`${names.join()} are gone`, 10_000, () =>
    names.every((name) => runningProcess(world.layout, name) === undefined) ? true : undefined,
  );
}

/** Starts programs again as a service manager would: what does not come up, as its bus is not there yet, is started once more. */
export async function startAgain({ layout, programs }: World, names: readonly string[]): Promise<void> {
  await Promise.all(programs.filter(({ name }) => names.includes(name)).map((one) => keepStarting(layout, one)));
}

const startsMax = 10;

/** Starts a program that may not come up at once. */
export async function keepStarting(layout: FleetLayout, program: Program): Promise<void> {
  for (let left = startsMax; ; left--) {
    try {
      await startProgram(layout, program);
      return;
    } catch (error) {
      if (left === 1) throw error;
      await delay(500);
    }
  }
}

/** What the guest printed on both hosts since a place in their consoles. */
export function counted(world: World, since: ReadonlyMap<Host, number>) {
  return hosts.flatMap((host) => guestLines(consoleOf(world, host), since.get(host) ?? 0));
}

/** Waits until the guest has counted that many times more, once unless said otherwise. */
export async function countsOn(world: World, since: ReadonlyMap<Host, number>, times = 1): Promise<void> {
  const before = counted(world, since).length;
  await until('the guest counts on', 60_000, () => (counted(world, since).length >= before + times ? true : undefined));
}

const consoleOf = ({ layout, spec }: World, host: Host) => join(layout.host(host).logs, `${spec.name}.console.log`);

export const consoleEnds = (world: World): Map<Host, number> =>
  new Map(hosts.map((host) => [host, consoleEnd(consoleOf(world, host))]));
