import { readArguments } from './arguments.ts';
import { type Report, simulate } from './simulate.ts';

/* `npm run simulate -- --help` says what it takes. */
const asked = readArguments(process.argv.slice(2));
if (asked.is === 'words') {
  (asked.status === 0 ? process.stdout : process.stderr).write(asked.text);
  process.exitCode = asked.status;
} else {
  const beganAtMs = performance.now();
  const report = await simulate(asked.options);
  const seconds = (performance.now() - beganAtMs) / 1000;
  process.stdout.write(asked.json ? `${JSON.stringify(report)}\n` : inWords(report, seconds));
  process.exitCode = report.violations.length > 0 ? 1 : 0;
}

function inWords({ seeds, violations, unhealed, steps, coverage }: Report, seconds: number): string {
  const told = violations.map(
    ({ seed, what, transcript }) =>
      `seed ${seed}: ${what.join('; ')}\n${transcript.map((line) => `  ${line}\n`).join('')}`,
  );
  const never = coverage.rows.never.map((row) => `never taken: ${row}\n`);
  const sum = `${seeds} seeds, ${violations.length} violations, ${unhealed} unhealed, ${steps} steps, ${Math.round(seeds / seconds)} seeds/s\n`;
  return [...told, ...never, sum].join('');
}
