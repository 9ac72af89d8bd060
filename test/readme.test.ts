import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readBrokerConfig } from '../services/broker/config.ts';
import { readIdentities } from '../services/broker/identities/identities.ts';
import { clientConfig } from '../services/cli/client/config.ts';
import { readSpecFile } from '../services/cli/commands/spec-file.ts';
import { buildProgram } from '../services/cli/program.ts';
import { readSchedulerConfig } from '../services/scheduler/config.ts';
import { readConfig } from '../shared/config/config.ts';
import { faultCodes } from '../shared/errors/codes.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'carnet-readme-'));
after(() => rmSync(folder, { recursive: true }));

/** The one YAML example of the README that holds a text, as a file. */
function example(holding: string): string {
  const blocks = [...readme.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const found = blocks.filter((text) => text.includes(holding));
  assert.equal(found.length, 1, holding);
  const file = join(folder, `${holding.replace(/[^a-z]/g, '')}.yaml`);
  writeFileSync(file, found[0] ?? '');
  return file;
}

test('the configuration files the README shows are ones that are taken', async () => {
  assert.equal((await readBrokerConfig(example('mustConfine'))).host, 'alpha');
  assert.ok((await readSchedulerConfig(example('carnet-scheduler'))).identityFolder('operator' as never));
  const identities = await readIdentities(example('watch-*'));
  assert.match(identities.contextOf('client', 'watch-night' as never) ?? '', /carnet_monitor_t/);
  await readConfig(example('carnet enrol client operator'), clientConfig);
});

test('the spec the README shows is one that is taken', async () => {
  assert.equal((await readSpecFile(example('memoryMiB'))).name, 'web');
});

test('every command the README shows is one there is', () => {
  const silent = { write: () => undefined };
  const program = buildProgram({
    io: { stdout: silent, stderr: silent, env: {}, nowMs: () => 0, onInterrupt: () => () => undefined },
    connect: () => Promise.reject(new Error('nothing is run here')),
    end: () => undefined,
  });
  const shown = [...readme.matchAll(/(?:npx |^ {4}|`|> )carnet ([a-z]+)(?: ([a-z]+))?/gm)];
  assert.ok(shown.length > 12);
  for (const [line, noun, verb] of shown) {
    const command = program.commands.find((one) => one.name() === noun);
    assert.ok(command !== undefined, line);
    if (command.commands.length > 0)
      assert.ok(
        command.commands.some((one) => one.name() === verb),
        line,
      );
  }
});

test('the table of exit statuses has every status a fault can have', () => {
  for (const { exit } of Object.values(faultCodes)) assert.match(readme, new RegExp(`\\| \\**${exit}\\** \\|`));
});
