import { parseArgs } from 'node:util';
import { type Report, toJson, toText } from './report.ts';

/** The areas, each loaded only when it is asked for. */
const areas: Readonly<Record<string, () => Promise<{ measure(): Promise<Report> }>>> = {
  policy: () => import('./policy/measure.ts'),
};

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
const [name = '', ...rest] = positionals;
const area = Object.hasOwn(areas, name) ? areas[name] : undefined;
if (area === undefined || rest.length > 0) {
  process.stderr.write(`usage: npm run bench -- AREA [--json]\nareas: ${Object.keys(areas).join(', ')}\n`);
  process.exitCode = 2;
} else {
  const report = await (await area()).measure();
  process.stdout.write(values.json === true ? toJson(report) : toText(report));
}
