import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

/*
 * `npm run simulate -- --seeds N [--from S] [--hosts H] [--vms V] [--hard] [--mutate NAME] [--json]`. One seed with `--seeds 1` is told
 * step by step when it violates something.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    hosts: { type: 'string' },
    vms: { type: 'string' },
    hard: { type: 'boolean', default: false },
    mutate: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const beganAtMs = performance.now();
const report = await simulate({
  seeds: Number(values.seeds),
  from: Number(values.from),
  hosts: number(values.hosts),
  vms: number(values.vms),
  hard: values.hard,
  mutate: values.mutate,
});
const seconds = (performance.now() - beganAtMs) / 1000;
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  for (const { seed, what, transcript } of report.violations) {
    process.stdout.write(`seed ${seed}: ${what.join('; ')}\n${transcript.map((line) => `  ${line}\n`).join('')}`);
  }
  const { seeds, unhealed, steps, coverage } = report;
  for (const row of coverage.rows.never) process.stdout.write(`never taken: ${row}\n`);
  process.stdout.write(
    `${seeds} seeds, ${report.violations.length} violations, ${unhealed} unhealed, ${steps} steps, ${Math.round(seeds / seconds)} seeds/s\n`,
  );
}
process.exitCode = report.violations.length > 0 ? 1 : 0;
