import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { checkpointId, hostName, vmName } from '../../../shared/ids.ts';
import { type MigrateOptions, migrateOptions } from '../../../shared/messages/migrate-options.ts';
import { check } from '../../../shared/schema/schema.ts';
import { hostOfCheckpoint, hostOfVm, onlyHost } from '../client/locate.ts';
import { bytesArgument, durationArgument, priorityArgument, queueArgument, valid } from './arguments.ts';
import type { Intent, VerbOptions } from './verbs.ts';

/** The verbs that need nothing but the VM's name, and are for the host that owns it. */
export function onVm(verb: 'delete' | 'start' | 'suspend' | 'resume' | 'save', vmText: string | undefined): Intent {
  const vm = valid(vmName, vmText);
  return { action: { verb, vm }, host: (client) => hostOfVm(client, vm) };
}

export function stop(vmText: string | undefined, options: VerbOptions): Intent {
  const vm = valid(vmName, vmText);
  return { action: { verb: 'stop', vm, force: options.force === true }, host: (client) => hostOfVm(client, vm) };
}

export async function define(file: string | undefined, options: VerbOptions): Promise<Intent> {
  const { readSpecFile } = await import('./spec-file.ts');
  const host = options.host === undefined ? undefined : valid(hostName, options.host);
  const spec = await readSpecFile(file ?? '');
  return { action: { verb: 'define', spec }, host: async (client) => host ?? onlyHost(client) };
}

export function migrate(vmText: string | undefined, hostText: string | undefined, options: VerbOptions): Intent {
  const vm = valid(vmName, vmText);
  return {
    action: {
      verb: 'migrate',
      vm,
      destination: valid(hostName, hostText),
      options: migrateOptionsOf(options),
      ...(options.priority === undefined ? {} : { priority: priorityArgument(options.priority) }),
      ...(options.queueTimeout === undefined ? {} : { queueMsMax: queueArgument(options.queueTimeout) }),
    },
    host: (client) => hostOfVm(client, vm),
  };
}

/** What a migration is asked to do; what was not said is left out. USAGE_INVALID where a value is out of bounds. */
function migrateOptionsOf(options: VerbOptions): MigrateOptions {
  const { bandwidth, downtimeMax = '300ms', autoConverge, timeout, onTimeout, allowPostcopy } = options;
  const checked = check(migrateOptions, {
    bandwidthBytesPerSecond: bandwidth === undefined ? 0 : bytesArgument(bandwidth),
    downtimeMsMax: durationArgument(downtimeMax),
    ...(autoConverge === true ? { autoConverge } : {}),
    ...(timeout === undefined ? {} : { timeoutMs: durationArgument(timeout) }),
    ...(onTimeout === undefined ? {} : { onTimeout }),
    ...(allowPostcopy === true ? { allowPostcopy } : {}),
  });
  if (onTimeout === 'postcopy' && allowPostcopy !== true) {
    throw new BrokerError('USAGE_INVALID', '`--on-timeout postcopy` needs `--allow-postcopy`');
  }
  if (checked.ok) return checked.value;
  const [field = '', problem = ''] = (checked.problems[0] ?? '').split(': ');
  const said: Readonly<Record<string, string>> = {
    bandwidthBytesPerSecond: `--bandwidth ${bandwidth}`,
    downtimeMsMax: `--downtime-max ${downtimeMax}`,
    timeoutMs: `--timeout ${timeout}`,
  };
  throw new BrokerError('USAGE_INVALID', `\`${said[field] ?? field}\` is out of bounds: ${problem}`);
}

export function restore(checkpointText: string | undefined, options: VerbOptions): Intent {
  const checkpoint = valid(checkpointId, checkpointText);
  const host = options.host === undefined ? undefined : valid(hostName, options.host);
  return {
    action: { verb: 'restore', checkpoint },
    host: async (client) => host ?? hostOfCheckpoint(client, checkpoint),
  };
}

export function removeCheckpoint(checkpointText: string | undefined, options: VerbOptions): Intent {
  const checkpoint = valid(checkpointId, checkpointText);
  const host = options.host === undefined ? undefined : valid(hostName, options.host);
  return {
    action: { verb: 'checkpoint-remove', checkpoint },
    host: async (client) => host ?? hostOfCheckpoint(client, checkpoint),
  };
}
