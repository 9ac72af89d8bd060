import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../shared/ids.ts';
import { courseAfter, courseBegins, verdictOn } from '../migrate/course.ts';
import type { Figures, Performing } from '../runtime/kind.ts';
import type { TransferFigures } from '../runtime/ports.ts';
import type { World } from './world.ts';

const everyMs = 500;
/** QEMU may take so long to give its figures; a clock that jumped further is not time that passed. */
const elapsedMsMax = 10_000;

/**
 * Reports the figures of a transfer twice a second, until it is over or its operation has gone on. Answers with a verdict
 * where it goes nowhere; see `course.ts`.
 */
export async function followTransfer(
  world: World,
  vm: VmName,
  { overtaken, report, wait }: Performing,
): Promise<ReturnType<typeof verdictOn>> {
  const { clock } = world;
  let course = courseBegins;
  let lookedAtMs = clock.nowMs();
  for (;;) {
    await wait(everyMs);
    if (overtaken()) return undefined;
    const figures = await figuresOf(world, vm);
    if (overtaken() || (figures !== undefined && figures.status !== 'active' && figures.status !== 'setup')) {
      return undefined;
    }
    const nowMs = clock.nowMs();
    course = courseAfter(course, figures, Math.min(Math.max(0, nowMs - lookedAtMs), elapsedMsMax));
    lookedAtMs = nowMs;
    const { stalledForMs, notConvergingForMs } = course;
    report({ ...shownOf(figures), stalledForMs, notConvergingForMs });
    const verdict = verdictOn(course);
    if (verdict !== undefined) return verdict;
  }
}

/**
 * The same while what is missing is pulled. Nothing calls that off, so there is no verdict: true when QEMU has sent the last of
 * it, false when it goes no further.
 */
export async function followPull(
  world: World,
  vm: VmName,
  { overtaken, report, wait }: Pick<Performing, 'overtaken' | 'report' | 'wait'>,
): Promise<boolean> {
  for (;;) {
    await wait(everyMs);
    if (overtaken() || world.vms.process(vm) === undefined) return false;
    const figures = await figuresOf(world, vm);
    if (figures === undefined) continue;
    report(shownOf(figures));
    if (figures.status !== 'postcopy-active') return figures.status === 'completed';
  }
}

/** Reports for how long the guest did not run. To be called once, as soon as it is known to run at the destination. */
export function reportDowntime({ vms, clock }: World, vm: VmName, report: Performing['report']): void {
  // Counted until the destination's word is here, by this host's clock alone: a little more than the guest noticed.
  const stoppedAtMs = vms.stoppedAtMs(vm);
  if (stoppedAtMs !== undefined) report({ downtimeMs: clock.nowMs() - stoppedAtMs });
}

/** Nothing where QEMU does not answer. That it is gone is said by an event. */
const figuresOf = async ({ vms }: World, vm: VmName): Promise<TransferFigures | undefined> => {
  try {
    return await vms.process(vm)?.figures();
  } catch {
    return undefined;
  }
};

function shownOf(figures: TransferFigures | undefined): Figures {
  if (figures === undefined) return {};
  const { transferredBytes, remainingBytes, totalBytes, bytesPerSecond, dirtyBytesPerSecond, throttlePercent } =
    figures;
  const throttle = throttlePercent === undefined ? {} : { throttlePercent };
  return { transferredBytes, remainingBytes, totalBytes, bytesPerSecond, dirtyBytesPerSecond, ...throttle };
}

/** Reports the figures of a transfer that is over and whose guest runs at the destination. */
export async function reportTransfer(world: World, vm: VmName, report: (figures: Figures) => void): Promise<void> {
  try {
    const { transferredBytes, totalBytes, totalMs } = await world.vms.needProcess(vm).figures();
    const bytesPerSecond = totalMs > 0 ? (transferredBytes / totalMs) * 1000 : 0;
    report({ transferredBytes, totalBytes, totalMs, remainingBytes: 0, bytesPerSecond });
  } catch (error) {
    world.log.info('QEMU does not give the figures of a transfer', { vm, fault: faultOf(error) });
  }
}
