import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import type { Kind } from '../runtime/kind.ts';
import { save } from '../save/save.ts';
import type { SaveEffect, SaveEvent, SaveState } from '../save/states.ts';
import { carnetOf } from './carnet.ts';
import { clientLabel, letGo, needHeld, type World } from './world.ts';

/** Carries out a live checkpoint. */
export function saveKind(world: World): Kind<SaveState, SaveEvent, SaveEffect> {
  const { gate, vms, images, checkpoints, held, host, clock } = world;

  /** A crash may have come between the commit and the record of it. */
  const isSealed = (checkpoint: CheckpointId) =>
    checkpoints.manifest(checkpoint).then(
      () => true,
      (error: unknown) => {
        if (faultOf(error).code === 'CHECKPOINT_UNKNOWN') return false;
        throw error;
      },
    );

  return {
    name: 'save',
    table: save,
    undoing: {},
    async perform(order, state, { client, report, overtaken }) {
      const { vm, operation, checkpoint } = state;
      switch (order.effect) {
        case 'decide-request': {
          const { label } = vms.need(vm);
          const running = (await vms.needProcess(vm).state()) === 'running';
          if (!running) throw new BrokerError('VM_STATE', `${vm} is not running`);
          const ask = { action: 'save', client: clientLabel(world, client), label } as const;
          const decision = await gate.decide(ask, 'request', { vm, operation, by: client });
          const stateLabel = gate.stateLabel(label);
          return decision.outcome === 'allowed' && stateLabel !== undefined
            ? { event: 'allowed', decision, stateLabel }
            : { event: 'refused', decision };
        }
        case 'save': {
          if (!('stateLabel' in state)) return undefined;
          if (overtaken()) return undefined;
          const beginning = checkpoints.begin(checkpoint, vms.need(vm).spec, state.stateLabel);
          held.drafts.set(operation, beginning);
          const draft = await beginning;
          // Given up meanwhile: the guest is not paused any more for what nobody wants.
          if (overtaken()) {
            await draft.abandon();
            return undefined;
          }
          const startedAtMs = clock.nowMs();
          const writing = vms.needProcess(vm).saveLive(draft.streamPath, draft.disks);
          held.saves.set(operation, writing);
          const [{ pauseMs }] = await Promise.all([writing, draft.received]);
          report({ pauseMs, totalMs: clock.nowMs() - startedAtMs });
          return { event: 'saved', pauseMs: Math.round(pauseMs) };
        }
        case 'seal': {
          if (state.state !== 'sealing') return undefined;
          if (await isSealed(checkpoint)) return { event: 'sealed' };
          const draft = await needHeld(held.drafts, operation, 'the draft');
          const entry = vms.need(vm);
          const opened = await images.open(entry.spec.images);
          try {
            const manifest = await draft.seal({
              carnet: carnetOf(host, entry, opened, world.policyDigest()),
              takenAtMs: clock.nowMs(),
              takenFor: client,
              ...(state.job === null ? {} : { job: state.job }),
              stateLabel: state.stateLabel,
              pauseMs: state.pauseMs,
            });
            report({ transferredBytes: await checkpoints.bytesOf(manifest.checkpoint) });
          } finally {
            opened.close();
          }
          return { event: 'sealed' };
        }
        case 'abandon':
          // One that is just being made is waited for, as it would be left behind; one that could not be made left nothing.
          await (await held.drafts.get(operation)?.catch(() => undefined))?.abandon();
          // QEMU ends what it was writing, and with it goes what stood between: until then the VM is not as it was.
          await held.saves.get(operation)?.catch(() => undefined);
          return { event: 'abandoned' };
      }
    },
    onVmEvent: (state, event) =>
      event.kind === 'exited' && state.state === 'saving'
        ? { event: 'failed', fault: { code: 'QEMU_FAILED', message: event.detail } }
        : undefined,
    outcomeOf: (state) =>
      state.state === 'completed'
        ? { is: 'completed', checkpoint: state.checkpoint }
        : state.state === 'not-saved'
          ? state.outcome
          : null,
    ended: (state) => letGo(held, state.operation),
  };
}
