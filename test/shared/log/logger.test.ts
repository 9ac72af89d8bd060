import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import { createLogger, silentLogger } from '../../../shared/log/logger.ts';

describe('the log', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-log-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  const lines = async (file: string) =>
    (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('writes JSON lines with name, level, time, sentence and fields, at once, for its owner alone', async () => {
    const file = join(directory, 'a.log');
    const log = createLogger({ name: 'broker', to: { file } });
    log.info('a VM was started', { vm: 'web', pid: 7 });
    log.with({ operation: 'op-1' }).warn('slow', { fault: faultOf(new BrokerError('VM_BUSY')) });
    log.error('no fields');
    const [started, slow, bare] = await lines(file);
    const { time, ...rest } = started;
    assert.ok(Math.abs(Date.now() - time) < 3600_000);
    assert.deepEqual(rest, { level: 'info', name: 'broker', vm: 'web', pid: 7, msg: 'a VM was started' });
    assert.deepEqual([slow.level, slow.operation, slow.fault.code], ['warn', 'op-1', 'VM_BUSY']);
    assert.deepEqual([bare.level, bare.msg], ['error', 'no fields']);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('leaves out what is below its level, and keeps one line one line', async () => {
    const file = join(directory, 'b.log');
    const log = createLogger({ name: 'broker', to: { file }, level: 'warn' });
    log.info('unseen');
    log.debug('unseen');
    log.warn('two\nlines', { of: 'a\r\n{"level":"error"}' });
    const written = await lines(file);
    assert.deepEqual(
      written.map(({ msg, of }) => [msg, of]),
      [['two\nlines', 'a\r\n{"level":"error"}']],
    );
  });

  it('adds to a file that is there', async () => {
    const file = join(directory, 'c.log');
    createLogger({ name: 'first', to: { file } }).info('one');
    createLogger({ name: 'second', to: { file } }).info('two');
    assert.deepEqual(
      (await lines(file)).map(({ name }) => name),
      ['first', 'second'],
    );
  });

  it('can be silent', () => {
    assert.equal(silentLogger.with({ a: 1 }), silentLogger);
    silentLogger.error('nobody reads this');
  });
});
