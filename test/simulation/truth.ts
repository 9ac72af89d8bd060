import type { MigrationLimits } from '../../services/broker/config.ts';
import type { OperationRecord } from '../../services/broker/runtime/kind.ts';
import type { VmName } from '../../shared/ids.ts';
import type { Label } from '../../shared/label/label.ts';
import type { Decision } from '../../shared/vm/decision.ts';
import type { StoredRecord } from './owners.ts';
import { guestRuns, type Qemu } from './qemu/qemu.ts';

/*
 * What is really the case, as nobody in the fleet knows it: which QEMUs run, which of them has the guest's newest state, who
 * owns a VM whatever the bucket forgot. Every change is judged in the step in which it happens.
 */

export interface Truth {
  readonly violations: string[];
  readonly vms: ReadonlyMap<VmName, VmTruth>;
  add(vm: VmName, owner: string, epoch: number): VmTruth;
  need(vm: VmName): VmTruth;
  launched(qemu: Qemu): void;
  /** The guest goes on, by a broker's order or by QEMU's own doing. */
  runs(qemu: Qemu): void;
  /** A QEMU ends because a broker says so. */
  quits(qemu: Qemu): void;
  /** A QEMU ends because something broke, or its guest powered off. */
  breaks(qemu: Qemu): void;
  /** A QEMU in post-copy has lost its connection: what was still to be pulled is lost. */
  cutsOff(qemu: Qemu): void;
  /** The guest powered itself off: its memory is given up. */
  endsItself(vm: VmName): void;
  /** What only the broker of a host knew is not known any more; to be called when what it had not written down is lost. */
  brokerStops(host: string): void;
  writes(written: StoredRecord, before: StoredRecord | undefined): void;
  /** A claim that nobody heard of is as if it had not been. */
  unheard(forgotten: StoredRecord, before: StoredRecord | undefined): void;
  decided(host: string, decision: Decision, about: { readonly operation?: string }): void;
  /** The first byte of a transfer comes in. */
  accepts(from: Qemu, to: Qemu, port: number): void;
  /** A guest is paused for an operation of its host. */
  pauses(qemu: Qemu, needed: readonly Decision['moment'][]): void;
  /** The last part of a transfer is sent. */
  switchesOver(from: Qemu): void;
  /** A client was told that the host takes nothing in; what was begun before may still come. */
  draining(host: string): void;
  /** A client asks for the host to take VMs in again. */
  undraining(host: string): void;
  must(holds: boolean, what: string): void;
}

export interface VmTruth {
  owner: string;
  epoch: number;
  /** Counts every time the guest went on: a QEMU that holds a lower number holds the past. */
  newest: number;
  /** The newest state is gone, by a fault or an operator's order. */
  gone: boolean;
  /** The handover in which a destination's QEMU broke before it let the guest run, and the broker there can tell. */
  brokeUntold: { readonly host: string; readonly operation: string } | undefined;
  /** Somebody has given up what was still to be pulled of it: its QEMU is ended by and by. */
  givenUp: boolean;
  /** How many orders to stop it may still be carried out. */
  stopsAsked: number;
  readonly qemus: Set<Qemu>;
}

export function createTruth(by: {
  readonly openOperations: (host: string) => Iterable<OperationRecord>;
  readonly brokerLives: (host: string) => boolean;
  readonly limitsOf: (host: string) => MigrationLimits | undefined;
  /** Whether a checkpoint of a VM is there. */
  readonly hasCheckpoint: (vm: VmName) => boolean;
}): Truth {
  const vms = new Map<VmName, VmTruth>();
  const violations: string[] = [];
  const decisions = new Map<string, { outcome: Decision['outcome']; label: Label | undefined }>();
  const usedPorts = new Set<number>();
  /** The hosts that take nothing in, with what was under way there when they were marked. */
  const drained = new Map<string, ReadonlySet<string>>();

  const must = (holds: boolean, what: string) => {
    if (!holds && !violations.includes(what)) violations.push(what);
  };
  const need = (vm: VmName): VmTruth => {
    const found = vms.get(vm);
    if (found === undefined) throw new Error(`no truth about ${vm}`);
    return found;
  };
  const openOf = (host: string, vm: VmName): OperationRecord | undefined => {
    let ended: OperationRecord | undefined;
    for (const record of by.openOperations(host)) {
      if (record.vm !== vm) continue;
      if (record.endedAtMs === null) return record;
      // One that has ended and whose last effects are still under way.
      ended = record;
    }
    return ended;
  };
  /** How many QEMUs of a host there are of a kind, of all VMs. */
  const count = (host: string, is: (qemu: Qemu) => boolean) => {
    let found = 0;
    for (const { qemus } of vms.values()) for (const qemu of qemus) if (qemu.host === host && is(qemu)) found += 1;
    return found;
  };
  const lastOf = (host: string, operation: string | undefined, moment: string) =>
    decisions.get(`${operation} ${host} ${moment}`);
  /** In post-copy the guest is on two hosts, and neither has it without the other: it counts where it runs next. */
  const letGo = ({ packaged, migration }: Qemu) => packaged && migration.startsWith('postcopy');
  const holdsWhole = (qemu: Qemu) =>
    qemu.complete ? !letGo(qemu) : qemu.partly && qemu.migration === 'postcopy-active';
  const holdsNewest = (qemu: Qemu, vm: VmTruth) => holdsWhole(qemu) && qemu.version === vm.newest && vm.newest > 0;
  const heldElsewhere = (qemu: Qemu, vm: VmTruth) => {
    for (const other of vm.qemus) if (other !== qemu && holdsNewest(other, vm)) return true;
    return false;
  };

  return {
    violations,
    vms,
    must,
    need,
    add(vm, owner, epoch) {
      const truth: VmTruth = {
        owner,
        epoch,
        newest: 0,
        gone: false,
        givenUp: false,
        stopsAsked: 0,
        brokeUntold: undefined,
        qemus: new Set(),
      };
      vms.set(vm, truth);
      return truth;
    },
    launched(qemu) {
      need(qemu.vm).qemus.add(qemu);
      const takenIn = count(qemu.host, ({ origin, complete, partly }) => origin === 'incoming' && !complete && !partly);
      const before = drained.get(qemu.host);
      const begun = openOf(qemu.host, qemu.vm)?.operation ?? '';
      must(before === undefined || before.has(begun), `${qemu.host}: a host that is drained takes a VM in`);
      must(takenIn <= (by.limitsOf(qemu.host)?.inboundMax ?? 0), `${qemu.host}: takes in more VMs than it may`);
    },
    runs(qemu) {
      const vm = need(qemu.vm);
      for (const other of vm.qemus) {
        must(other === qemu || !guestRuns(other), `${qemu.vm}: two hosts run it`);
      }
      must(vm.owner === qemu.host, `${qemu.vm}: a host runs it that does not own it`);
      must(qemu.complete || qemu.partly, `${qemu.vm}: a guest runs that was not loaded`);
      if (qemu.version === 0) {
        // A fresh boot or a checkpoint: nothing newer may be there to be forgotten.
        must(vm.gone || !heldElsewhere(qemu, vm), `${qemu.vm}: begins anew while its state is there`);
      } else {
        must(qemu.version === vm.newest, `${qemu.vm}: an older state of the guest runs again`);
      }
      if (!qemu.hasRun && qemu.origin !== 'seed') {
        const operation = openOf(qemu.host, qemu.vm);
        const decision = lastOf(qemu.host, operation?.operation, 'run');
        must(decision?.outcome === 'allowed', `${qemu.vm}: runs without a decision`);
        must(decision?.label === qemu.label, `${qemu.vm}: runs in another label than was decided`);
      }
      vm.newest += 1;
      // Half of a guest may be told to run before anybody has noticed that the other half is gone.
      vm.gone = qemu.partly && !qemu.complete && qemu.migration !== 'postcopy-active';
      vm.givenUp = false;
      qemu.version = vm.newest;
      qemu.hasRun = true;
    },
    quits(qemu) {
      const vm = need(qemu.vm);
      for (const other of vm.qemus) {
        const pulls = other.peer === qemu && other.partly && !other.complete && other.migration === 'postcopy-active';
        const given = vm.gone || vm.givenUp || vm.stopsAsked > 0;
        must(!pulls || given, `${qemu.vm}: what was still to be pulled was destroyed`);
      }
      // What a start or a restore began is ended when it fails, also where the guest ran for a moment.
      const undone = openOf(qemu.host, qemu.vm)?.state.state === 'undoing';
      must(
        vm.gone || vm.givenUp || undone || vm.stopsAsked > 0 || !holdsNewest(qemu, vm) || heldElsewhere(qemu, vm),
        `${qemu.vm}: the only complete copy was destroyed`,
      );
      if (holdsNewest(qemu, vm) && !heldElsewhere(qemu, vm)) vm.gone = true;
      vm.qemus.delete(qemu);
    },
    breaks(qemu) {
      const vm = need(qemu.vm);
      // The source gets the guest back of a destination that breaks before it let the guest run. Whoever broke afterwards
      // loses it as an owner does, and so does one of which that is not known.
      const { kind, operation = '', state: { state } = { state: '' } } = openOf(qemu.host, qemu.vm) ?? {};
      const handedOver =
        kind === 'migrate-destination' && ['deciding-run', 'claiming', 'running-guest'].includes(state);
      const untold = handedOver && !qemu.hasRun && !qemu.mayBeTold && by.brokerLives(qemu.host);
      if (untold) vm.brokeUntold = { host: qemu.host, operation };
      const owning = !untold && ((qemu.host === vm.owner && state !== 'claiming') || state === 'running-guest');
      if (holdsNewest(qemu, vm) && (owning || !heldElsewhere(qemu, vm))) vm.gone = true;
      // A guest ends with its owner's QEMU in post-copy too, until it is handed over: that the rest has gone over is not known.
      if (state === 'letting-go' && owning && letGo(qemu) && qemu.version === vm.newest) vm.gone = true;
      vm.qemus.delete(qemu);
    },
    cutsOff(qemu) {
      const vm = need(qemu.vm);
      // What is not all there when its other half is gone is nowhere, whoever of the two has noticed it.
      const half = qemu.partly ? !qemu.complete : letGo(qemu);
      if (!half || vm.gone || qemu.version !== vm.newest) return;
      for (const other of vm.qemus) if (holdsNewest(other, vm)) return;
      must(by.hasCheckpoint(qemu.vm), `${qemu.vm}: it was lost in post-copy, and no checkpoint of it is there`);
      vm.gone = true;
    },
    endsItself(name) {
      need(name).gone = true;
    },
    brokerStops(host) {
      // Its next broker cannot tell whether the guest was let run, where this one had not written down that it was not.
      for (const [name, vm] of vms) {
        const { operation, state } = openOf(host, name) ?? {};
        const broke = vm.brokeUntold;
        if (broke?.host === host && broke.operation === operation && state?.state === 'running-guest') vm.gone = true;
      }
    },
    writes({ record }, before) {
      const vm = need(record.vm);
      if (record.epoch > vm.epoch) {
        for (const qemu of vm.qemus) {
          if (qemu.host === record.owner) continue;
          must(!guestRuns(qemu), `${record.vm}: its record is moved while it runs`);
          // Until all is sent a source goes on by itself when something fails.
          must(qemu.run !== 'transferring' || letGo(qemu), `${record.vm}: its record is moved while it is being sent`);
        }
        vm.owner = record.owner;
        vm.epoch = record.epoch;
        return;
      }
      must(record.epoch >= (before?.record.epoch ?? 0), `${record.vm}: an older epoch is written over a newer one`);
      must(record.epoch < vm.epoch || record.owner === vm.owner, `${record.vm}: two owners of one epoch`);
    },
    unheard({ record }, before) {
      const vm = need(record.vm);
      if (before === undefined || vm.epoch !== record.epoch || before.record.epoch >= record.epoch) return;
      vm.epoch = before.record.epoch;
      vm.owner = before.record.owner;
    },
    decided(host, { outcome, moment, label }, { operation }) {
      if (operation !== undefined) decisions.set(`${operation} ${host} ${moment}`, { outcome, label });
    },
    accepts(from, to, port) {
      const there = openOf(to.host, to.vm);
      const granted =
        there !== undefined && 'grant' in there.state && (there.state.grant as { port: number }).port === port;
      must(granted || there?.state.state === 'closing', `${to.vm}: bytes come in without a live grant`);
      const sent =
        count(from.host, (qemu) => qemu.run === 'transferring' && !letGo(qemu)) + (from.run === 'transferring' ? 0 : 1);
      must(sent <= (by.limitsOf(from.host)?.outboundMax ?? 0), `${from.host}: sends more VMs than it may`);
      must(!usedPorts.has(port), `${to.vm}: a grant is used twice`);
      usedPorts.add(port);
      const operation = openOf(from.host, from.vm)?.operation;
      must(lastOf(from.host, operation, 'first-byte')?.outcome === 'allowed', `${to.vm}: sent without a decision`);
      must(lastOf(to.host, there?.operation, 'offer')?.outcome === 'allowed', `${to.vm}: taken in without a decision`);
    },
    pauses(qemu, needed) {
      const operation = openOf(qemu.host, qemu.vm)?.operation;
      for (const moment of needed) {
        const decision = lastOf(qemu.host, operation, moment);
        must(decision?.outcome === 'allowed', `${qemu.vm}: paused though it was refused`);
      }
    },
    draining(host) {
      if (!drained.has(host))
        drained.set(host, new Set([...by.openOperations(host)].map(({ operation }) => operation)));
    },
    undraining: (host) => void drained.delete(host),
    switchesOver(from) {
      const operation = openOf(from.host, from.vm)?.operation;
      const to = from.peer?.host ?? '';
      must(
        lastOf(from.host, operation, 'switchover')?.outcome === 'allowed',
        `${from.vm}: not decided again at the source`,
      );
      must(
        lastOf(to, operation, 'switchover')?.outcome === 'allowed',
        `${from.vm}: not decided again at the destination`,
      );
    },
  };
}
