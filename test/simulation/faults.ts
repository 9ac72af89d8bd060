import type { GateAsk } from '../../services/broker/runtime/ports.ts';
import { type Fleet, stopBroker, stopHost } from './fleet.ts';
import { type SimHost, startBroker } from './host.ts';
import { theBus } from './links.ts';
import { otherLabel, vmLabel } from './policy.ts';

/** What can go wrong, each once at a moment of the seed's choosing. It mends by itself, or, for `forever`, never. */
type Fault = (fleet: Fleet, forever: boolean) => void;

/** What a policy may refuse. */
export const policyActions: readonly GateAsk['action'][] = ['migrate-out', 'migrate-in', 'start', 'save', 'restore'];

function restart(fleet: Fleet, forever: boolean, act: () => void, longestMs: number): void {
  const { random } = fleet;
  if (!forever) due(fleet, random.chance(0.6) ? random.between(0, 500) : random.between(500, longestMs), act);
}

function due(fleet: Fleet, afterMs: number, act: () => void): void {
  fleet.faultsDue += 1;
  fleet.time.after(afterMs, () => {
    fleet.faultsDue -= 1;
    act();
  });
}

const anyQemu = (fleet: Fleet) => {
  const all = fleet.hosts.flatMap(({ name }) => [...fleet.machines.of(name).values()]);
  return all.length === 0 ? undefined : fleet.random.pick(all);
};

function bringUp(fleet: Fleet, host: SimHost): void {
  if (host.broker === undefined && !fleet.dead.has(host.name)) startBroker(fleet, host);
}

const brokerCrash: Fault = (fleet) => {
  const host = fleet.random.pick(fleet.hosts);
  fleet.log.info('FAULT broker crash', { host: host.name });
  stopBroker(fleet, host);
  restart(fleet, false, () => bringUp(fleet, host), 20_000);
};

const hostCrash: Fault = (fleet, forever) => {
  const host = fleet.random.pick(fleet.hosts);
  fleet.log.info('FAULT host crash', { host: host.name, forever });
  stopHost(fleet, host);
  restart(fleet, forever, () => bringUp(fleet, host), 90_000);
};

const qemuCrash: Fault = (fleet) => {
  const qemu = anyQemu(fleet);
  if (qemu === undefined) return;
  fleet.log.info('FAULT QEMU crash', { host: qemu.host, vm: qemu.vm });
  fleet.machines.kill(qemu);
};

const qemuSilent: Fault = (fleet) => {
  const qemu = anyQemu(fleet);
  if (qemu === undefined) return;
  const forMs = fleet.random.pick([2_000, 20_000, 150_000]);
  fleet.log.info('FAULT QEMU silent', { host: qemu.host, vm: qemu.vm, forMs });
  qemu.silentUntilMs = fleet.time.nowMs() + forMs;
};

/** A broker ends, and when it comes back its QEMUs do not speak, and its clock may be hours ahead. */
const silentReturn: Fault = (fleet) => {
  const host = fleet.random.pick(fleet.hosts);
  const forMs = fleet.random.pick([20_000, 150_000]);
  const byMs = fleet.added.chance(0.7) ? fleet.added.between(0, 7_200_000) : 0;
  fleet.log.info('FAULT broker crash, silent QEMUs, and another clock', { host: host.name, forMs, byMs });
  host.clockOffMs += byMs;
  for (const qemu of fleet.machines.of(host.name).values()) qemu.silentUntilMs = fleet.time.nowMs() + forMs;
  stopBroker(fleet, host);
  restart(fleet, false, () => bringUp(fleet, host), 1_000);
};

const powerOff: Fault = (fleet) => {
  const qemu = anyQemu(fleet);
  if (qemu === undefined) return;
  fleet.log.info('FAULT guest powers off', { host: qemu.host, vm: qemu.vm });
  fleet.machines.powerOff(qemu);
};

const partition: Fault = (fleet, forever) => {
  const { random, links, hosts } = fleet;
  const [one, other] = [random.pick(hosts).name, random.pick([...hosts.map(({ name }) => name), theBus])];
  const kind = random.pick(['isolate', 'one-way', 'both ways']);
  fleet.log.info('FAULT partition', { kind, one, other, forever });
  if (kind === 'isolate') links.isolate(random.pick([one, theBus]));
  else {
    links.cut(one, other);
    if (kind === 'both ways' || random.chance(0.3)) links.cut(other, one);
  }
  restart(fleet, forever, links.mend, 90_000);
};

const busOutage: Fault = (fleet, forever) => {
  fleet.log.info('FAULT bus down', { forever });
  fleet.network.busUp = false;
  restart(
    fleet,
    forever,
    () => {
      fleet.network.busUp = true;
    },
    90_000,
  );
};

const rewind: Fault = (fleet) => {
  if (fleet.owners.replicas >= 3) {
    busOutage(fleet, false);
    return;
  }
  fleet.network.busUp = false;
  const writes = fleet.random.between(1, 3);
  due(fleet, fleet.random.between(10, 3_000), () => {
    fleet.log.info('FAULT the bucket comes back older', { writes });
    fleet.owners.rewind(writes);
    fleet.network.busUp = true;
    // What took the server's power may have taken a switch as well.
    if (fleet.random.chance(0.4)) {
      const { name } = fleet.random.pick(fleet.hosts);
      fleet.log.info('FAULT and a host is cut off', { host: name });
      fleet.links.isolate(name);
      restart(fleet, false, fleet.links.mend, 90_000);
    }
  });
};

/** The server loses power just after a VM moved, and whoever has the VM now is cut off as well. */
const forgottenMove: Fault = (fleet) => {
  const { random, owners, links, log } = fleet;
  if (owners.replicas >= 3) return;
  log.info('FAULT the next move will be forgotten', {});
  fleet.atNextMove = (owner) =>
    due(fleet, random.between(1, 60), () => {
      log.info('FAULT the bucket forgets the move, and the new owner is cut off', { owner });
      owners.rewind(1);
      links.isolate(owner);
      restart(fleet, false, links.mend, 90_000);
    });
};

/** The QEMU of whoever has the VM next breaks just when it becomes that host's. */
export const lostOnArrival: Fault = (fleet) => {
  const { added, time, machines, log } = fleet;
  log.info('FAULT the next arrival breaks', {});
  fleet.atNextMove = (owner, vm) => {
    const qemu = machines.of(owner).get(vm);
    if (qemu !== undefined) time.after(added.pick([0, 0, 1, 3, 12]), () => machines.kill(qemu));
  };
};

const brokenWire: Fault = ({ machines, log }) => {
  log.info('FAULT the next transfer breaks', {});
  machines.breakNextWire();
};

const policyReload: Fault = (fleet) => {
  const { random } = fleet;
  const { policy, name } = random.pick(fleet.hosts);
  const action = random.pick(policyActions);
  const reload = () => {
    policy.seqno += 1;
    if (action === 'start' && random.chance(0.5)) {
      policy.startLabel = policy.startLabel === vmLabel ? otherLabel : vmLabel;
    } else if (!policy.refused.delete(action)) policy.refused.add(action);
  };
  fleet.log.info('FAULT policy reload', { host: name, action });
  reload();
  if (random.chance(0.7)) restart(fleet, false, reload, 5_000);
};

/** A policy that is loaded again and again, with a rule and without it. */
const policyFlaps: Fault = (fleet) => {
  const { random } = fleet;
  const { policy, name } = random.pick(fleet.hosts);
  const action = random.pick(policyActions);
  fleet.log.info('FAULT policy flaps', { host: name, action });
  for (let left = random.between(2, 6); left > 0; left--) {
    due(fleet, random.between(0, 300), () => {
      policy.seqno += 1;
      if (!policy.refused.delete(action)) policy.refused.add(action);
    });
  }
};

/** A host's map of identities loses the other hosts. */
const strangers: Fault = (fleet) => {
  const { policy, name } = fleet.random.pick(fleet.hosts);
  fleet.log.info('FAULT the other hosts are strangers', { host: name });
  policy.knowsHosts = false;
  restart(
    fleet,
    false,
    () => {
      policy.knowsHosts = true;
    },
    5_000,
  );
};

const damage: Fault = ({ storage, log }) => {
  log.info('FAULT checkpoints are damaged', {});
  for (const checkpoint of storage.kept.keys()) storage.damaged.add(checkpoint);
};

const clockJump: Fault = (fleet) => {
  const host = fleet.random.pick(fleet.hosts);
  const byMs = fleet.random.between(-7_200_000, 7_200_000);
  fleet.log.info('FAULT clock jump', { host: host.name, byMs });
  host.clockOffMs += byMs;
};

const diskFull: Fault = (fleet) => {
  const host = fleet.random.pick(fleet.hosts);
  fleet.log.info('FAULT disk full', { host: host.name });
  host.disk.full = true;
  restart(
    fleet,
    false,
    () => {
      host.disk.full = false;
    },
    10_000,
  );
};

const badWeather: Fault = (fleet) => {
  const { weather } = fleet.network;
  weather.loss = fleet.random.pick([0, 0.1, 0.4]);
  weather.repeats = fleet.random.pick([0, 0.2, 0.5]);
  fleet.log.info('FAULT bad weather', { loss: weather.loss, repeats: weather.repeats });
  restart(fleet, false, () => clearWeather(fleet), 30_000);
};

function clearWeather({ network }: Fleet): void {
  network.weather.loss = 0;
  network.weather.repeats = 0;
}

export const faults: readonly Fault[] = [
  brokerCrash,
  brokerCrash,
  brokerCrash,
  hostCrash,
  hostCrash,
  qemuCrash,
  qemuCrash,
  qemuSilent,
  silentReturn,
  powerOff,
  partition,
  partition,
  busOutage,
  rewind,
  rewind,
  forgottenMove,
  brokenWire,
  policyReload,
  policyReload,
  policyFlaps,
  policyFlaps,
  strangers,
  damage,
  clockJump,
  diskFull,
  badWeather,
  badWeather,
];
/** The faults that may stay. */
export const lasting: readonly Fault[] = [hostCrash, partition, busOutage];

/** Everything is mended that can be: what still waits now has no excuse. */
export function mendAll(fleet: Fleet): void {
  fleet.log.info('everything is mended', {});
  fleet.links.mend();
  fleet.network.busUp = true;
  fleet.atNextMove = undefined;
  clearWeather(fleet);
  for (const host of fleet.hosts) {
    host.disk.full = false;
    for (const qemu of fleet.machines.of(host.name).values()) qemu.silentUntilMs = 0;
    bringUp(fleet, host);
  }
}
