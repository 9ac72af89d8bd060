import { type Command, Option } from 'commander';
import type { AddOptions, RunOptions } from './job-verbs.ts';
import { type Registry, register, registerNoun } from './register.ts';

/** What the verbs are made of is loaded only for one that runs. */
const verbs = () => import('./job-verbs.ts');

export function registerJob(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'job', 'checkpoints of a VM by the clock');
  register<AddOptions>(noun, registry, {
    usage: 'add <job>',
    summary: 'add a job that takes checkpoints of a VM',
    details:
      'The job acts for you: each run is decided by the host of the VM as if you asked for the save yourself.\nIt follows the VM when that migrates.',
    options: [
      new Option('--vm <vm>', 'the VM').makeOptionMandatory(),
      new Option('--every <period>', 'a period such as "30 s", "15 min" or "6 h"').conflicts('calendar'),
      new Option('--calendar <fields>', 'five or six cron fields, such as "30 2 * * *" or "0 4 * * MON"'),
      new Option('--time-zone <zone>', 'the time zone of the calendar, such as Europe/Berlin (default: UTC)'),
      new Option('--keep-last <count>', 'how many checkpoints of this job are kept').makeOptionMandatory(),
    ],
    examples: [
      'carnet job add often --vm web --every "15 min" --keep-last 4',
      'carnet job add nightly --vm web --calendar "30 2 * * *" --time-zone Europe/Berlin --keep-last 7',
    ],
    run: async (session, [job], options) => (await verbs()).add(session, job, options),
  });
  register(noun, registry, {
    usage: 'list',
    summary: 'list your jobs',
    examples: ['carnet job list', 'carnet job list -o name'],
    run: async (session) => (await verbs()).list(session),
  });
  register(noun, registry, {
    usage: 'show <job>',
    summary: 'show a job, when it comes due and how its last run went',
    examples: ['carnet job show nightly'],
    run: async (session, [job]) => (await verbs()).show(session, job),
  });
  register<{ last: string }>(noun, registry, {
    usage: 'history <job>',
    summary: 'list the last runs of a job, newest first',
    options: [new Option('--last <count>', 'how many').default('50')],
    examples: ['carnet job history nightly', 'carnet job history nightly --last 5 --json'],
    run: async (session, [job], options) => (await verbs()).history(session, job, options.last),
  });
  register(noun, registry, {
    usage: 'rm <job>',
    summary: 'remove a job and its history; its checkpoints stay',
    examples: ['carnet job rm nightly'],
    run: async (session, [job]) => (await verbs()).remove(session, job),
  });
  register(noun, registry, {
    usage: 'pause <job>',
    summary: 'let a job rest; a run under way goes on',
    examples: ['carnet job pause nightly'],
    run: async (session, [job]) => (await verbs()).pause(session, job),
  });
  register(noun, registry, {
    usage: 'resume <job>',
    summary: 'let a paused job run again; what came due meanwhile is let pass',
    examples: ['carnet job resume nightly'],
    run: async (session, [job]) => (await verbs()).resume(session, job),
  });
  register<RunOptions>(noun, registry, {
    usage: 'run <job>',
    summary: 'start a run at once, besides the calendar',
    options: [
      new Option('--wait', 'wait until the run has ended'),
      new Option('--timeout <time>', 'wait no longer than this, such as 5min; the run goes on'),
    ],
    examples: ['carnet job run nightly', 'carnet job run nightly --wait'],
    run: async (session, [job], options) => (await verbs()).run(session, job, options),
  });
}
