import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { mustNotDrain } from '../draining/draining.ts';
import { mustStillOwn } from '../ownership/claim.ts';
import type { Kind } from '../runtime/kind.ts';
import { start } from '../start/start.ts';
import type { StartEffect, StartEvent, StartState } from '../start/states.ts';
import { claimHere, undoLaunch } from './undo-launch.ts';
import { acceleratorFor, clientLabel, letGo, needHeld, needMemory, type World } from './world.ts';

/** Carries out a start. */
export function startKind(world: World): Kind<StartState, StartEvent, StartEffect> {
  const { gate, vms, images, held, vmm } = world;
  return {
    name: 'start',
    table: start,
    undoing: { undo: ['claim', 'launch', 'run'] },
    async perform(order, state, { client, overtaken }) {
      const { vm, operation } = state;
      switch (order.effect) {
        case 'decide-request': {
          mustNotDrain(world);
          const { spec } = vms.need(vm);
          if (vms.process(vm) !== undefined) throw new BrokerError('VM_STATE', `${vm} runs already`);
          acceleratorFor(world, spec.accelerator);
          needMemory(world, spec.memoryMiB);
          const opened = await images.open(spec.images);
          held.images.set(operation, opened);
          const ask = { action: 'start', client: clientLabel(world, client), images: opened.images } as const;
          const decision = await gate.decide(ask, 'request', { vm, operation, by: client });
          return decision.outcome === 'allowed' && decision.label !== undefined
            ? { event: 'allowed', decision, label: decision.label }
            : { event: 'refused', decision };
        }
        case 'claim':
          return { event: 'claimed', epoch: await claimHere(world, operation, 'owner', vms.need(vm)) };
        case 'launch': {
          if (state.state !== 'launching') return undefined;
          const entry = vms.need(vm);
          const accelerator = acceleratorFor(world, entry.spec.accelerator);
          const opened = needHeld(held.images, operation, 'the images');
          await vms.put({ ...entry, label: state.label, epoch: state.epoch, accelerator, mapped: null });
          vms.attach(
            await vmm.launch({
              spec: entry.spec,
              accelerator,
              label: state.label,
              images: opened,
              origin: { kind: 'boot' },
            }),
          );
          return { event: 'launched' };
        }
        case 'decide-run': {
          const opened = needHeld(held.images, operation, 'the images');
          const ask = { action: 'start', client: clientLabel(world, client), images: opened.images } as const;
          const decision = await gate.decide(ask, 'run', { vm, operation, by: client });
          // The process was started in the label of the first decision; another label now is a refusal too.
          const same = 'label' in state && decision.label === state.label;
          return decision.outcome === 'allowed' && same
            ? { event: 'still-allowed', decision }
            : { event: 'refused', decision };
        }
        case 'run':
          if (state.state !== 'running-guest') return undefined;
          await mustStillOwn(world, vm, state.epoch);
          await vms.needProcess(vm).run();
          return { event: 'running' };
        case 'undo':
          if (state.state === 'undoing') await undoLaunch(world, state, async () => vms.need(vm), overtaken);
          return { event: 'undone' };
      }
    },
    onVmEvent: (state, event) =>
      event.kind === 'exited' && (state.state === 'deciding-run' || state.state === 'running-guest')
        ? { event: 'failed', fault: { code: 'QEMU_FAILED', message: event.detail } }
        : undefined,
    outcomeOf: (state) =>
      state.state === 'completed'
        ? { is: 'completed', label: state.label }
        : state.state === 'not-started'
          ? state.outcome
          : null,
    ended: (state) => letGo(held, state.operation),
  };
}
