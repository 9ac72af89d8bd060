import { type DebianPolicy, debianPolicy } from '../../support/policy/debian.ts';
import type { Figure, Report, Skipped } from '../report.ts';
import { measureCompile } from './compile.ts';
import { measureDecisions } from './decisions.ts';
import { measureLoads } from './loads.ts';
import { measureReload } from './reload.ts';

const parts: readonly { name: string; measure(policy: DebianPolicy): Figure[] | Promise<Figure[]> }[] = [
  { name: 'compile from source', measure: measureCompile },
  { name: 'load', measure: measureLoads },
  { name: 'decisions', measure: measureDecisions },
  { name: 'reload', measure: measureReload },
];

/** The policy engine on Debian's own policy. What cannot be had on this machine is said instead of measured. */
export async function measure(): Promise<Report> {
  const figures: Figure[] = [];
  const skipped: Skipped[] = [];
  const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  try {
    const policy = await debianPolicy('default');
    for (const part of parts) {
      try {
        figures.push(...(await part.measure(policy)));
      } catch (error) {
        skipped.push({ name: part.name, why: reasonOf(error) });
      }
    }
  } catch (error) {
    const why = `Debian's policy is not to be had (packages selinux-policy-default, semodule-utils, secilc): ${reasonOf(error)}`;
    for (const { name } of parts) skipped.push({ name, why });
  }
  return { area: 'policy', figures, skipped };
}
