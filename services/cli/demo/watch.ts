import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runningProcess } from '../fleet/processes.ts';
import { expect, need } from './expect.ts';
import { listeningPorts, tcpSockets } from './sockets.ts';
import { type HostWho, hostOf, qemusOn, type Stage } from './stage.ts';

/** What was seen on the machine while something was asked for. */
export interface Watched<T> {
  readonly result: T;
  /** Every QEMU that was seen on the destination. */
  readonly spawned: number;
  /** Ports the destination's broker listened on that it had not before. */
  readonly opened: readonly number[];
  /** Whether the source's QEMU was ever seen with a TCP socket. */
  readonly connected: boolean;
  /** States the VM was seen in at the source. */
  readonly states: readonly string[];
  /** How often the source's QEMU said that it had stopped the guest, by its broker's log. */
  readonly pauses: number;
  readonly looks: number;
}

const lookEveryMs = 10;

/** Runs `act` and looks at both hosts all the while: processes, ports, sockets, and what the source says of its guest. */
export async function watching<T>(
  stage: Stage,
  source: HostWho,
  destination: HostWho,
  act: () => Promise<T>,
): Promise<Watched<T>> {
  const broker = need(runningProcess(stage.layout, destination), `the broker of ${destination}`);
  const portsBefore = new Set(listeningPorts(broker.pid));
  const spawned = new Set<number>();
  const opened = new Set<number>();
  const states = new Set<string>();
  let connected = false;
  let looks = 0;
  const look = () => {
    looks += 1;
    for (const { pid } of qemusOn(stage, destination)) spawned.add(pid);
    for (const port of listeningPorts(broker.pid)) if (!portsBefore.has(port)) opened.add(port);
    if (qemusOn(stage, source).some(({ pid }) => tcpSockets(pid) > 0)) connected = true;
  };
  const log = logOf(stage, source);
  const logFrom = statSync(log).size;
  const done = new AbortController();
  const looking = (async () => {
    while (!done.signal.aborted) {
      look();
      await delay(lookEveryMs);
    }
  })();
  const asking = (async () => {
    while (!done.signal.aborted) {
      const answer = await stage.clients.monitor.ask(hostOf(source), { verb: 'show', vm: stage.vm });
      if (answer.is === 'vm') states.add(answer.vm.state);
      await delay(lookEveryMs);
    }
  })();
  try {
    const result = await act();
    look();
    expect(states.size > 0, `${source} says how its guest is while it is asked`);
    const pauses = stopsIn(readFileSync(log).subarray(logFrom).toString(), stage.vm);
    return { result, spawned: spawned.size, opened: [...opened], connected, states: [...states], pauses, looks };
  } finally {
    done.abort();
    await Promise.allSettled([looking, asking]);
  }
}

const logOf = (stage: Stage, host: HostWho) => join(stage.layout.host(host).logs, 'broker.log');

/** How often the guest was stopped on a host since its broker started. */
export const pausesOn = (stage: Stage, host: HostWho): number =>
  stopsIn(readFileSync(logOf(stage, host)).toString(), stage.vm);

/** QEMU's STOP events of a VM in a broker's log. */
const stopsIn = (log: string, vm: string): number =>
  log
    .split('\n')
    .filter((line) => line.includes('"msg":"QEMU"') && line.includes(`"vm":"${vm}"`) && line.includes('"is":"stopped"'))
    .length;
