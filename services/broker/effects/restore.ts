import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { ClientName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';
import { mustNotDrain } from '../draining/draining.ts';
import { mustStillOwn } from '../ownership/claim.ts';
import { restore } from '../restore/restore.ts';
import type { RestoreEffect, RestoreEvent, RestoreState } from '../restore/states.ts';
import type { Kind } from '../runtime/kind.ts';
import type { GateAsk, OpenCheckpoint, OpenImage } from '../runtime/ports.ts';
import type { VmEntry } from '../vms/vms.ts';
import { notSaved } from './carnet.ts';
import { claimHere, undoLaunch } from './undo-launch.ts';
import { clientLabel, letGo, needHeld, needMemory, peerLabel, type World } from './world.ts';

/** Carries out a restore. */
export function restoreKind(world: World): Kind<RestoreState, RestoreEvent, RestoreEffect> {
  const { gate, vms, images, checkpoints, held, vmm, host, clock } = world;

  type Used = readonly Pick<OpenImage, 'spec' | 'label'>[];

  /** A fresh decision about a checkpoint, with the images the VM is going to have. */
  function decide(
    { carnet, stateLabel }: Manifest,
    used: Used,
    client: ClientName,
    moment: Decision['moment'],
    operation: string,
  ) {
    const ask: GateAsk = {
      action: 'restore',
      client: clientLabel(world, client),
      label: carnet.label,
      stateLabel,
      ...(carnet.host === host ? {} : { peer: peerLabel(world, carnet.host) }),
      images: used,
    };
    return gate.decide(ask, moment, { vm: carnet.spec.name, operation, by: client });
  }

  /**
   * Before anything was put in place: the disks are the checkpoint's, so their labels are the manifest's; what is not saved
   * with it, a kernel say, is the pool's and has the label it has there now.
   */
  async function decideRequest(manifest: Manifest, client: ClientName, operation: string) {
    const others = await images.open(notSaved(manifest));
    try {
      return await decide(manifest, [...manifest.disks, ...others.images], client, 'request', operation);
    } finally {
      others.close();
    }
  }

  /** The VM as its checkpoint has it, where this host does not have it yet. */
  async function entryOf({ checkpoint }: RestoreState): Promise<Omit<VmEntry, 'epoch'>> {
    const { spec, label, accelerator } = (await checkpoints.manifest(checkpoint)).manifest.carnet;
    return { spec, label, accelerator, mapped: null };
  }

  /** Puts the saved disks in the place of the VM's. IMAGE_MISMATCH for a file of another label: policy was not asked about that one. */
  async function replaceDisks({ manifest, diskFds }: OpenCheckpoint): Promise<void> {
    for (const { spec, label } of manifest.disks) {
      const present = await labelOf(spec);
      if (present !== undefined && present !== label) {
        throw new BrokerError(
          'IMAGE_MISMATCH',
          `${spec.name} is labelled ${present} now, and was ${label} when it was saved`,
          {
            hint: 'label it as it was, or move it away',
          },
        );
      }
      const fd = diskFds.get(spec.name);
      if (fd !== undefined) await images.replace(spec.name, fd, label);
    }
  }

  /** The label of an image in the pool; nothing where there is none. */
  async function labelOf(spec: ImageSpec): Promise<Label | undefined> {
    try {
      const opened = await images.open([spec]);
      opened.close();
      return opened.images[0]?.label;
    } catch (error) {
      if (faultOf(error).code === 'IMAGE_UNKNOWN') return undefined;
      throw error;
    }
  }

  return {
    name: 'restore',
    table: restore,
    undoing: { undo: ['claim', 'load', 'run'] },
    async perform(order, state, { client, report, overtaken }) {
      const { vm, operation, checkpoint } = state;
      switch (order.effect) {
        case 'decide-request': {
          mustNotDrain(world);
          const { manifest } = await checkpoints.manifest(checkpoint);
          if (!vmm.accelerators.includes(manifest.carnet.accelerator)) {
            throw new BrokerError(
              'HOST_INCOMPATIBLE',
              `${host} has no ${manifest.carnet.accelerator}, which the checkpoint was taken under`,
            );
          }
          needMemory(world, manifest.carnet.spec.memoryMiB);
          const owner = await world.ownership.read(vm);
          if (owner?.record.running) {
            throw new BrokerError('OWNER_CONFLICT', `${vm} still runs on ${owner.record.owner}`, {
              hint: 'stop it there first',
            });
          }
          const decision = await decideRequest(manifest, client, operation);
          return decision.outcome === 'allowed' && decision.label !== undefined
            ? { event: 'allowed', decision, label: decision.label }
            : { event: 'refused', decision };
        }
        case 'verify': {
          const opened = await checkpoints.open(checkpoint);
          held.checkpoints.set(operation, opened);
          report({ verifyMs: opened.verifyMs });
          return { event: 'verified' };
        }
        case 'claim':
          if (state.state !== 'claiming') return undefined;
          return { event: 'claimed', epoch: await claimHere(world, operation, 'anyone', await entryOf(state)) };
        case 'load': {
          if (state.state !== 'loading') return undefined;
          const opened = needHeld(held.checkpoints, operation, 'the verified checkpoint');
          const { spec, accelerator } = opened.manifest.carnet;
          await vms.put({ spec, label: state.label, epoch: state.epoch, accelerator, mapped: checkpoint });
          await replaceDisks(opened);
          const files = await images.open(spec.images);
          held.images.set(operation, files);
          await checkpoints.pin(checkpoint, vm);
          const startedAtMs = clock.nowMs();
          const { memoryFd, devicesFd } = opened;
          const process = await vmm.launch({
            spec,
            accelerator,
            label: state.label,
            images: files,
            origin: { kind: 'restore', memoryFd, devicesFd },
          });
          vms.attach(process);
          const { loadMs } = await process.load();
          report({ loadMs, totalMs: clock.nowMs() - startedAtMs });
          return { event: 'loaded', loadMs };
        }
        case 'decide-run': {
          const { manifest } = needHeld(held.checkpoints, operation, 'the verified checkpoint');
          const used = needHeld(held.images, operation, 'the images');
          const decision = await decide(manifest, used.images, client, 'run', operation);
          const same = 'label' in state && decision.label === state.label;
          return decision.outcome === 'allowed' && same
            ? { event: 'still-allowed', decision }
            : { event: 'refused', decision };
        }
        case 'run':
          if (state.state !== 'running-guest') return undefined;
          await mustStillOwn(world, vm, state.epoch);
          await vms.needProcess(vm).run({ announce: true });
          return { event: 'running' };
        case 'undo':
          if (state.state === 'undoing') await undoLaunch(world, state, () => entryOf(state), overtaken);
          return { event: 'undone' };
      }
    },
    onVmEvent: (state, event) =>
      event.kind === 'exited' && ['loading', 'deciding-run', 'running-guest'].includes(state.state)
        ? { event: 'failed', fault: { code: 'QEMU_FAILED', message: event.detail } }
        : undefined,
    outcomeOf: (state) => {
      if (state.state === 'completed') return { is: 'completed', checkpoint: state.checkpoint, label: state.label };
      return state.state === 'not-restored' ? state.outcome : null;
    },
    ended: (state) => letGo(held, state.operation),
  };
}
