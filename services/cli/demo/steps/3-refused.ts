import { readdirSync } from 'node:fs';
import { consoleEnd, expectOwnDisk, guestLines, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, hostOf, missingRules, refused, showVm } from '../stage.ts';
import type { Step } from '../step.ts';
import { watching } from '../watch.ts';

export const refuse: Step = {
  name: 'refused-by-gamma',
  title: 'beta to gamma, whose policy lacks one rule',
  async run(stage) {
    const { vm, story } = stage;
    const before = await showVm(stage, 'beta');
    const console = need(before.console, 'the console on beta');
    const fromByte = consoleEnd(console);
    const runFolder = stage.layout.host('gamma').run;
    const filesBefore = readdirSync(runFolder).sort().join(' ');

    const watched = await watching(stage, 'beta', 'gamma', () =>
      ask(stage, 'operator', 'beta', {
        verb: 'migrate',
        vm,
        destination: hostOf('gamma'),
        options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
      }),
    );
    const decision = refused(watched.result, 'gamma refuses');
    expect(decision.host === 'gamma', "the refusal is gamma's own", decision.host);
    const missing = missingRules(decision);
    const [rule = ''] = missing;
    expect(
      missing.length === 1 && /^allow qemu_virtdisk_t vm_user_t:vm (\{ )?entrypoint( \})?;$/.test(rule),
      'the refusal names the one missing rule',
      missing.join(' '),
    );
    expect(watched.spawned === 0, 'no QEMU was spawned on gamma', `${watched.spawned}`);
    expect(watched.opened.length === 0, 'no port was opened on gamma', watched.opened.join(', '));
    expect(readdirSync(runFolder).sort().join(' ') === filesBefore, "nothing was left in gamma's run folder");
    const sentBytes = watched.result.view?.progress.transferredBytes ?? 0;
    expect(sentBytes === 0 && !watched.connected, 'not a byte was sent', `${sentBytes}`);
    expect(watched.pauses === 0, 'QEMU never stopped the guest', `${watched.pauses} times`);
    expect(watched.states.join(' ') === 'running', 'it was running all the while', watched.states.join(', '));

    await untilGuest(console, fromByte, (lines) => lines.length >= 2, 'the guest goes on counting', stage);
    const lines = guestLines(console, fromByte);
    const gapless = lines.every(
      ({ count, boot }, at) => boot === stage.left.boot && count === (lines[0]?.count ?? 0) + at,
    );
    expect(gapless, 'the counter has no gap');
    expectOwnDisk(lines);
    const after = await showVm(stage, 'beta');
    expect(after.pid === before.pid && after.epoch === before.epoch, 'it is the same process in the same epoch');
    story.seen(`missing on gamma: ${rule}`);
    story.seen(
      `no QEMU was spawned on gamma, no port opened, 0 bytes sent; the guest never paused (${watched.looks} looks)`,
    );
    return {
      summary: `missing: ${rule}`,
      figures: {
        missing: rule,
        spawned: watched.spawned,
        portsOpened: watched.opened.length,
        sentBytes,
        pauses: watched.pauses,
        states: watched.states,
        epoch: after.epoch,
        label: after.label ?? '',
        looks: watched.looks,
      },
    };
  },
};
