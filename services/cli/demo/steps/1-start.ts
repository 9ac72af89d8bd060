import type { VmSpec } from '../../../../shared/vm/spec.ts';
import { expectOwnDisk, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, completed, hostOf, namedByRefusal, qemusOn, refused, type Stage, showVm } from '../stage.ts';
import type { Step } from '../step.ts';

/** A guest under TCG on a busy machine takes its time to boot. */
const bootTimeoutMs = 180_000;

export const start = (spec: VmSpec): Step => ({
  name: 'start',
  title: 'Who may start it, and which label it gets',
  async run(stage) {
    const { vm, left, story } = stage;
    completedOrDone(await ask(stage, 'operator', 'alpha', { verb: 'define', spec }), 'the operator may define the VM');

    const intruder = refused(
      await ask(stage, 'intruder', 'alpha', { verb: 'start', vm }),
      'the intruder may not start it',
    );
    expect(
      namedByRefusal(intruder).some((rule) => /^neverallow .* vm_image:file .*\bread\b/.test(rule)),
      'the refusal names the neverallow that keeps the intruder from the disk',
      namedByRefusal(intruder).join(' '),
    );
    expect(qemusOn(stage, 'alpha').length === 0, 'no QEMU runs on alpha after the refusal');

    const view = completed(await ask(stage, 'operator', 'alpha', { verb: 'start', vm }), 'the operator may start it');
    const label = need(view.outcome?.is === 'completed' ? view.outcome.label : undefined, 'the label it started in');
    expect(/:vm_user_t(:|$)/.test(label), 'the label is computed from the image', label);
    left.label = label;

    await monitorSeesIt(stage);
    const monitor = refused(
      await ask(stage, 'monitor', 'alpha', { verb: 'stop', vm, force: false }),
      'the monitor may not stop it',
    );
    expect(
      namedByRefusal(monitor).join(' ') === 'neverallow carnet_monitor_t vm_domain:vm ~monitor;',
      'the refusal names the neverallow that no rule gets past',
      namedByRefusal(monitor).join(' '),
    );

    const shown = await showVm(stage, 'alpha');
    const console = need(shown.console, 'where the console of the guest is');
    left.alphaConsole = console;
    const lines = await untilGuest(console, 0, (found) => found.length >= 2, 'the guest boots and counts', {
      signal: stage.signal,
      timeoutMs: bootTimeoutMs,
    });
    expectOwnDisk(lines);
    left.boot = need(lines[0], 'the first line of the guest').boot;
    story.seen(`it runs on alpha as ${label}`);
    story.seen(`the guest counts, in memory and on its disk; its boot id is ${left.boot}`);
    return {
      summary: `label ${label}`,
      figures: {
        label,
        boot: left.boot,
        intruderRefusedFor: namedByRefusal(intruder),
        monitorRefusedFor: namedByRefusal(monitor),
      },
    };
  },
});

function completedOrDone(result: Awaited<ReturnType<typeof ask>>, what: string): void {
  expect(result.is === 'completed', what, result.is === 'failed' ? result.fault.message : result.is);
}

async function monitorSeesIt(stage: Stage): Promise<void> {
  stage.story.command('monitor', 'carnet vm list');
  const answer = await stage.clients.monitor.ask(hostOf('alpha'), { verb: 'list' });
  const sees = answer.is === 'vms' && answer.vms.some((one) => one.vm === stage.vm && one.state === 'running');
  expect(sees, 'the monitor sees the VM running');
  stage.story.seen('the monitor sees it');
  const hidden = await stage.clients.intruder.ask(hostOf('alpha'), { verb: 'list' });
  expect(hidden.is === 'vms' && hidden.vms.length === 0, 'the intruder sees no VM');
}
