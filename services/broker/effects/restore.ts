import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName } from '../../../shared/ids.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { claim, markStopped } from '../ownership/claim.ts';
import { restore } from '../restore/restore.ts';
import type { RestoreEffect, RestoreEvent, RestoreState } from '../restore/states.ts';
import type { Kind } from '../runtime/kind.ts';
import type { OpenImage } from '../runtime/ports.ts';
import { notSaved } from './carnet.ts';
import { clientLabel, letGo, needHeld, needMemory, peerLabel, type World } from './world.ts';

/** Carries out a restore. */
export function restoreKind(world: World): Kind<RestoreState, RestoreEvent, RestoreEffect> {
  const { gate, vms, images, checkpoints, held, vmm, host, clock } = world;

  /**
   * A fresh decision about a checkpoint. The disks are the checkpoint's, so their labels are the manifest's; what is not
   * saved with it, a kernel say, is the pool's and has the label it has there now.
   */
  async function decide(manifest: Manifest, client: ClientName, moment: Decision['moment'], operation: string) {
    const { carnet } = manifest;
    const others = await images.open(notSaved(manifest));
    try {
      const disks: Pick<OpenImage, 'spec' | 'label'>[] = manifest.disks;
      return await gate.decide(
        {
          action: 'restore',
          client: clientLabel(world, client),
          label: carnet.label,
          stateLabel: manifest.stateLabel,
          ...(carnet.host === host ? {} : { peer: peerLabel(world, carnet.host) }),
          images: [...disks, ...others.images],
        },
        moment,
        { vm: carnet.spec.name, operation, by: client },
      );
    } finally {
      others.close();
    }
  }

  return {
    name: 'restore',
    table: restore,
    async perform(order, state, { client, report }) {
      const { vm, operation, checkpoint } = state;
      switch (order.effect) {
        case 'decide-request': {
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
          const decision = await decide(manifest, client, 'request', operation);
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
          return { event: 'claimed', epoch: await claim(world, vm, operation, 'anyone') };
        case 'load': {
          if (state.state !== 'loading') return undefined;
          const opened = needHeld(held.checkpoints, operation, 'the verified checkpoint');
          const { spec, accelerator } = opened.manifest.carnet;
          await vms.put({ spec, label: state.label, epoch: state.epoch, accelerator, mapped: checkpoint });
          for (const disk of opened.manifest.disks) {
            const fd = opened.diskFds.get(disk.spec.name);
            if (fd !== undefined) await images.replace(disk.spec.name, fd, disk.label);
          }
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
          const decision = await decide(manifest, client, 'run', operation);
          const same = 'label' in state && decision.label === state.label;
          return decision.outcome === 'allowed' && same
            ? { event: 'still-allowed', decision }
            : { event: 'refused', decision };
        }
        case 'run':
          await vms.needProcess(vm).run({ announce: true });
          return { event: 'running' };
        case 'undo':
          await undo();
          return { event: 'undone' };
      }

      async function undo() {
        await vms.process(vm)?.quit();
        vms.detach(vm);
        await checkpoints.unpin(vm);
        const owner = await world.ownership.read(vm);
        if (owner?.record.operation === operation) await markStopped(world, vm);
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
