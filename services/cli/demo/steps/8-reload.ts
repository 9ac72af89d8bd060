import { replacePolicy } from '../../fleet/configs.ts';
import { runningProcess } from '../../fleet/processes.ts';
import { bytesText } from '../../render/units.ts';
import { consoleEnd, expectOwnDisk, guestLines, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, hostOf, missingRules, qemusOn, refused, type Stage, showVm, until } from '../stage.ts';
import type { Step } from '../step.ts';
import { stopAndCheck } from './stopped.ts';

/** Slow enough that a policy can be reloaded while the memory is on its way. */
const bandwidthBytesPerSecond = 16 * 1024 ** 2;

export const reload: Step = {
  name: 'reload-under-way',
  title: 'beta loses the rule while a migration to it is under way',
  async run(stage) {
    const { story, vm, left } = stage;
    const before = await showVm(stage, 'alpha');
    const console = need(before.console, 'the console on alpha');

    let reloaded: Promise<string> | undefined;
    let sentBytes = 0;
    const result = await ask(
      stage,
      'operator',
      'alpha',
      { verb: 'migrate', vm, destination: hostOf('beta'), options: { bandwidthBytesPerSecond, downtimeMsMax: 300 } },
      (view) => {
        sentBytes = Math.max(sentBytes, view.progress.transferredBytes ?? 0);
        if (sentBytes > 0) reloaded ??= reloadPolicy(stage);
      },
    );
    const digest = await need(reloaded, 'the migration was seen under way, and the policy reloaded');
    const fromByte = consoleEnd(console);
    const decision = refused(result, 'the migration is refused');
    const missing = missingRules(decision);
    expect(
      decision.host === 'beta' && decision.moment === 'switchover',
      'beta refuses at switchover',
      `${decision.host}, ${decision.moment}`,
    );
    expect(decision.policy.digest === digest, 'by the policy that was just loaded', decision.policy.digest);
    expect(
      missing.some((rule) => /qemu_virtdisk_t vm_user_t:vm .*entrypoint/.test(rule)),
      'the refusal names the rule',
      missing.join(' '),
    );

    const after = await showVm(stage, 'alpha');
    expect(after.state === 'running' && after.pid === before.pid, 'the same process runs on at alpha', after.state);
    await untilGuest(
      console,
      fromByte,
      (lines) => lines.length >= 2 && lines.every(({ boot }) => boot === left.boot),
      'the guest goes on at alpha',
      stage,
    );
    await until(stage, () => qemusOn(stage, 'beta').length === 0, 'beta has no QEMU left');
    const owner = need(await stage.clients.operator.owner(vm), 'the owner record');
    expect(
      owner.owner === 'alpha' && owner.epoch === before.epoch,
      'the owner is alpha, in the same epoch',
      `${owner.owner}, ${owner.epoch}`,
    );
    const label = need(after.label, 'its label');
    expect(label === left.label, 'its label is the same', label);
    story.seen(
      `refused at switchover after ${bytesText(sentBytes)}; the VM goes on at alpha, epoch ${owner.epoch}; beta has no QEMU left`,
    );
    const stopped = await stopAndCheck(stage, 'alpha');
    expectOwnDisk(guestLines(console, fromByte));
    story.seen(`it is stopped at last, at ${stopped.count}, with ${stopped.disk} on its disk`);
    return {
      summary: `refused at switchover, missing: ${missing.join(' ')}`,
      figures: {
        moment: decision.moment,
        missing,
        sentBytes,
        epoch: owner.epoch,
        label,
        countAtEnd: stopped.count,
        diskAtEnd: stopped.disk,
      },
    };
  },
};

/** Takes the rule away on beta and waits until its broker decides by the new policy. Answers with its digest. */
async function reloadPolicy(stage: Stage): Promise<string> {
  const digestNow = async () => {
    const answer = await stage.clients.operator.ask(hostOf('beta'), { verb: 'host' });
    return answer.is === 'host' ? answer.host.policyDigest : '';
  };
  const before = await digestNow();
  await replacePolicy(stage.layout, 'beta', 'no-entrypoint');
  const broker = need(runningProcess(stage.layout, 'beta'), 'the broker of beta');
  process.kill(broker.pid, 'SIGHUP');
  let digest = before;
  await until(
    stage,
    async () => {
      digest = await digestNow();
      return digest !== before;
    },
    'beta loads its new policy',
  );
  stage.story.note('beta: policy reloaded without `allow qemu_virtdisk_t vm_user_t:vm entrypoint;`');
  return digest;
}
