import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '../../../services/cli/fleet/proc.ts';
import { goOn, isUp, kill, openOn, qemusOn, signal, startAgain, until } from './acts.ts';
import { setClock } from './clocks.ts';
import { fill, makeRoom } from './full.ts';
import { type Host, otherThan } from './hosts.ts';
import { block, cut, heal, unblock } from './network.ts';
import type { World } from './world.ts';

/*
 * What may fail. `here` is the host whose record it comes after, in a migration `there` the other one. A strike begins
 * while the broker `here` is stopped right after that record, lets it go on, and mends what a service manager or a person
 * would mend.
 */

/** What is killed; a broker and a bus are started again. */
export const kills = ['broker here', 'broker there', 'QEMU here', 'QEMU there', 'bus'] as const;
/** What is cut, and mended when every deadline of a handover has passed. */
export const cuts = ['link here', 'link there', 'way here to there', 'way there to here'] as const;
/** What stops without a word, and goes on when the deadlines of a handover have passed. */
export const silences = ['QEMU here silent', 'QEMU there silent'] as const;
/** What happens where the bus has three servers: to one or all of them, and to a host that does not come back for long. */
export const busFaults = ['bus leader', 'bus leader silent', 'bus', 'host there'] as const;
/** What has no room any more for a while. */
export const fulls = ['store full', 'journal full'] as const;
/** How the clock of a broker is set, and set right when the deadlines of a handover have passed. */
export const clocks = ['clock here ahead', 'clock here behind'] as const;
export type Fault =
  | (typeof kills)[number]
  | (typeof cuts)[number]
  | (typeof silences)[number]
  | (typeof busFaults)[number]
  | (typeof fulls)[number]
  | (typeof clocks)[number];

/** Longer than a handover waits for its answer before it is in doubt. */
const longMs = 40_000;
/** Longer than three servers need to choose another leader. */
const electionMs = 15_000;

/** Lets it happen. Answers with the hosts whose QEMU was killed. */
export async function strike(world: World, here: Host, fault: Fault): Promise<readonly Host[]> {
  const there = otherThan(here);
  switch (fault) {
    case 'broker here':
      await kill(world, [here]);
      await startAgain(world, [here]);
      return [];
    case 'broker there':
      await kill(world, [there]);
      goOn(world, here);
      await startAgain(world, [there]);
      return [];
    case 'bus':
      await kill(world, world.servers);
      goOn(world, here);
      await startAgain(world, world.servers);
      return [];
    case 'bus leader': {
      const leader = await world.leader();
      await kill(world, [leader]);
      goOn(world, here);
      await delay(electionMs);
      await startAgain(world, [leader]);
      return [];
    }
    case 'bus leader silent': {
      const leader = await world.leader();
      signal(world, leader, 'SIGSTOP');
      return during(world, here, electionMs, () => signal(world, leader, 'SIGCONT'));
    }
    case 'QEMU here':
    case 'QEMU there':
      return killQemus(world, here, fault === 'QEMU here' ? here : there);
    case 'QEMU here silent':
    case 'QEMU there silent': {
      const qemus = qemusOn(world, fault === 'QEMU here silent' ? here : there);
      for (const { pid } of qemus) process.kill(pid, 'SIGSTOP');
      return during(world, here, longMs, () => {
        for (const qemu of qemus) if (isRunning(qemu)) process.kill(qemu.pid, 'SIGCONT');
      });
    }
    case 'host there': {
      await kill(world, [there]);
      const killed = await killQemus(world, here, there);
      await endsSoon(world, here);
      await startAgain(world, [there]);
      return killed;
    }
    case 'store full':
      return whileFull(world, here, world.layout.checkpoints);
    case 'journal full':
      return whileFull(world, here, world.layout.host(here).state);
    case 'clock here ahead':
    case 'clock here behind':
      setClock(world.layout, here, fault === 'clock here ahead' ? '+2h' : '-2h');
      return during(world, here, longMs, () => setClock(world.layout, here, '+0'));
    case 'link here':
      cut(here);
      return during(world, here, longMs, () => heal(here));
    case 'link there':
      cut(there);
      return during(world, here, longMs, () => heal(there));
    case 'way here to there':
      block(here, there);
      return during(world, here, longMs, () => unblock(here, there));
    case 'way there to here':
      block(there, here);
      return during(world, here, longMs, () => unblock(there, here));
  }
}

async function during(world: World, here: Host, lastsMs: number, end: () => unknown): Promise<[]> {
  try {
    goOn(world, here);
    await delay(lastsMs);
  } finally {
    end();
  }
  return [];
}

/** Longer than what waits for a host that does not answer before it looks at the record. */
const soonMs = 60_000;

/** Waits for a while until the operation has ended at that host, or its broker has. */
const endsSoon = (world: World, host: Host) =>
  until('the operation ends', soonMs, async () => {
    if (!isUp(world, host)) return true;
    const open = await openOn(world, host).catch(() => undefined);
    return open?.length === 0 ? true : undefined;
  }).catch(() => undefined);

async function whileFull(world: World, here: Host, folder: string): Promise<[]> {
  fill(folder);
  try {
    goOn(world, here);
    await endsSoon(world, here);
  } finally {
    makeRoom(folder);
  }
  if (!isUp(world, here)) await startAgain(world, [here]);
  return [];
}

async function killQemus(world: World, here: Host, on: Host): Promise<readonly Host[]> {
  const qemus = qemusOn(world, on);
  for (const { pid } of qemus) process.kill(pid, 'SIGKILL');
  await until('QEMU is gone', 10_000, () => (qemus.some(isRunning) ? undefined : true));
  goOn(world, here);
  return qemus.length === 0 ? [] : [on];
}
