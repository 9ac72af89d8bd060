import { truncate } from 'node:fs/promises';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { DiskCopy } from '../../runtime/ports.ts';
import { type Controls, watchFor } from './controls.ts';
import type { RecordedDisk } from './record.ts';
import { fieldOf, imageReply, jobReply, nodeReply, readList, readReply } from './replies.ts';

/** A disk and the node its copy goes to. */
export interface CopyTarget {
  readonly disk: RecordedDisk;
  /** The node of the copy's format and the id of its job. */
  readonly node: string;
}

const createMsMax = 30_000;
const nodesMax = 1024;

/**
 * Opens the files the broker made, as empty images of their disks' formats and sizes. They depend on nothing: a copy has
 * no backing file. IMAGE_UNKNOWN for a disk the VM does not have, HOST_INCOMPATIBLE for one with a backing file.
 */
export async function openTargets(controls: Controls, copies: readonly DiskCopy[]): Promise<CopyTarget[]> {
  const targets: CopyTarget[] = [];
  const sizes = await virtualSizes(controls);
  try {
    for (const copy of copies) {
      const disk = controls.record.disks.find(({ image }) => image === copy.image);
      const sizeBytes = disk === undefined ? undefined : sizes.get(disk.node);
      if (disk === undefined || sizeBytes === undefined) {
        throw new BrokerError('IMAGE_UNKNOWN', `${controls.record.vm} has no disk ${copy.image}`);
      }
      if (disk.backed) {
        throw new BrokerError('HOST_INCOMPATIBLE', `${copy.image} has a backing file, which a checkpoint cannot hold`);
      }
      const target = { disk, node: `copy${targets.length}` };
      targets.push(target);
      await openTarget(controls, target, copy.path, sizeBytes);
    }
    return targets;
  } catch (error) {
    await closeTargets(controls, targets);
    throw error;
  }
}

async function openTarget(controls: Controls, { disk, node }: CopyTarget, path: string, sizeBytes: number) {
  const { execute } = controls;
  const { format } = disk;
  if (format === 'raw') await truncate(path, sizeBytes);
  await execute('blockdev-add', { driver: 'file', 'node-name': `${node}-file`, filename: path });
  if (format === 'qcow2') {
    const made = watchJob(controls, node, createMsMax);
    await execute('blockdev-create', {
      'job-id': node,
      options: { driver: format, file: `${node}-file`, size: sizeBytes },
    });
    await made();
  }
  const backing = format === 'qcow2' ? { backing: null } : {};
  await execute('blockdev-add', { driver: format, 'node-name': node, file: `${node}-file`, ...backing });
}

/**
 * Orders every copy at once, as of this moment: for a guest that is paused. The answer resolves when all are written
 * and rejects with QEMU_FAILED where one could not be.
 */
export async function startCopies(controls: Controls, targets: readonly CopyTarget[], limitMs: number) {
  const done = targets.map(({ node }) => watchJob(controls, node, limitMs));
  const actions = targets.map(({ disk, node }) => ({
    type: 'blockdev-backup',
    data: { 'job-id': node, device: disk.node, target: node, sync: 'full', 'auto-dismiss': false },
  }));
  if (actions.length > 0) {
    await controls.execute('transaction', { actions, properties: { 'completion-mode': 'grouped' } });
  }
  return async (): Promise<void> => {
    for (const each of done) await each();
  };
}

/** Gives up what is left of the copies' jobs, and closes the files. Never rejects. */
export async function closeTargets(controls: Controls, targets: readonly CopyTarget[]): Promise<void> {
  const quietly = (command: string, args: Record<string, unknown>) => controls.execute(command, args).catch(() => {});
  for (const { node } of targets) {
    const concluded = watchJob(controls, node, createMsMax);
    await quietly('job-cancel', { id: node });
    await concluded().catch(() => {});
    await quietly('blockdev-del', { 'node-name': node });
    await quietly('blockdev-del', { 'node-name': `${node}-file` });
  }
}

/**
 * Watches a job from before it is ordered. The answer resolves once it has concluded well, dismissing it; it resolves
 * at once where there is no such job.
 */
function watchJob(controls: Controls, id: string, limitMs: number): () => Promise<void> {
  const watch = watchFor(controls, limitMs, `the end of job ${id}`, (event) =>
    event.kind === 'job' && event.id === id && event.status === 'concluded' ? true : undefined,
  );
  const find = async () =>
    readList(await controls.execute('query-jobs'), nodesMax, 'list of jobs')
      .map((job) => readReply(jobReply, job, 'job'))
      .find((job) => job.id === id);
  return async () => {
    try {
      let job = await find();
      if (job !== undefined && job.status !== 'concluded') {
        await watch.found;
        job = await find();
      }
      if (job === undefined) return;
      await controls.execute('job-dismiss', { id });
      if (job.error !== undefined) throw new BrokerError('QEMU_FAILED', `a disk could not be copied: ${job.error}`);
    } finally {
      watch.stop();
    }
  };
}

async function virtualSizes({ execute }: Controls): Promise<Map<string, number>> {
  const nodes = readList(await execute('query-named-block-nodes', { flat: true }), nodesMax, 'list of block nodes');
  return new Map(
    nodes.map((node) => [
      readReply(nodeReply, node, 'block node')['node-name'] ?? '',
      readReply(imageReply, fieldOf(node, 'image'), 'image')['virtual-size'],
    ]),
  );
}
