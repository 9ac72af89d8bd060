import type { Recovery } from '../../../shared/messages/recovery.ts';
import type { Style } from './style.ts';
import { timeText } from './units.ts';

const whose: Readonly<Record<Recovery['about'], (recovery: Recovery) => string>> = {
  handover: ({ vm, host, fenced }) => `${vm} was handed over by ${host} to ${fenced}, and no answer came.`,
  owner: ({ vm, fenced }) => `${vm} is ${fenced}'s.`,
  'let-go': ({ vm, host, fenced }) => `${vm} was let go by ${host} to ${fenced}.`,
};

/** What would be done about a VM whose host has died for good, and what it risks. */
export function renderRecovery(recovery: Recovery, style: Style): string {
  const { vm, host, fenced, epoch, heard, silent, risks, afterwards } = recovery;
  return [
    whose[recovery.about](recovery),
    ...(heard.length === 0 ? [] : [`It is not on ${heard.join(', ')}: asked just now.`]),
    ...silent.map((other) =>
      style.bad(
        `${other} did not say whether ${vm} is there: bring it back, or, where it is off as well, --also-fenced ${other}.`,
      ),
    ),
    `With your word that ${fenced} is off for good, ${host} takes it over in epoch ${epoch}: ${afterwards}.`,
    style.bad('What that risks:'),
    ...risks.map((risk) => `  - ${risk}`),
    '',
  ].join('\n');
}

/** From whom a VM was taken over, in one line. */
export const fenceText = ({
  host,
  also = [],
  epoch,
  by,
  atMs,
}: {
  host: string;
  also?: readonly string[];
  epoch: number;
  by: string;
  atMs: number;
}): string =>
  `from ${host}, fenced ${also.length === 0 ? '' : `with ${also.join(', ')} `}by ${by} at ${timeText(atMs)}, in epoch ${epoch}`;
