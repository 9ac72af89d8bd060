import type { DestinationEvent, DestinationState } from '../../../services/broker/migrate/destination-states.ts';
import { migrateSource } from '../../../services/broker/migrate/source.ts';
import type { SourceEvent, SourceState } from '../../../services/broker/migrate/source-states.ts';
import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';
import { carnetFor, clientId, decisionOf, hostId, operationIdOf, vmId } from '../values.ts';
import { pick, walk } from './walk.ts';

export const fault = { code: 'TRANSFER_FAILED', message: 'the line is cut' } as const;
export const yes = decisionOf('allowed');
export const no = decisionOf('refused');
const carnet = carnetFor('web1');
const grant = {
  is: 'grant',
  grantId: new Uint8Array(16),
  decision: yes,
  address: '127.0.0.1',
  port: 4444,
  transferKey: new Uint8Array(32),
  expiresAtMs: 0,
} as const;

/** What a source and a destination begin with. */
export const sourceBegin: SourceState = {
  state: 'deciding',
  operation: operationIdOf(1),
  vm: vmId('web1'),
  destination: hostId('beta'),
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  priority: 5,
  queueMsMax: 600_000,
  drain: false,
  request: new Uint8Array(),
};
export const destinationBegin: DestinationState = {
  state: 'deciding',
  operation: operationIdOf(1),
  vm: vmId('web1'),
  source: hostId('alpha'),
  carnet,
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  request: new Uint8Array(),
  transferKey: new Uint8Array(32),
  offerDigest: new Uint8Array(32),
};

/** Every event of either table but those of post-copy, one of each. */
export const sourceEvents: SourceEvent[] = [
  { event: 'allowed', decision: yes, carnet },
  { event: 'turn-given' },
  { event: 'destination-busy', nowMs: 0, untilMs: 1_000 },
  { event: 'confirmed', decision: yes },
  { event: 'refused', decision: no },
  { event: 'failed', fault },
  { event: 'granted', grant, decision: yes },
  { event: 'converged' },
  { event: 'switchover-allowed', decision: yes, peerDecision: yes },
  { event: 'sent' },
  { event: 'transfer-failed', fault },
  { event: 'destination-running' },
  { event: 'destination-released' },
  { event: 'unresolved' },
  { event: 'overruled' },
  { event: 'taken-back' },
  { event: 'withdrawn' },
  { event: 'cleared' },
  { event: 'cancel-asked' },
  { event: 'force-asked', by: clientId('operator') },
  { event: 'force-due' },
  { event: 'deadline-passed' },
];
export const destinationEvents: DestinationEvent[] = [
  { event: 'allowed', decision: yes, label: carnet.label },
  { event: 'still-allowed', decision: yes },
  { event: 'refused', decision: no },
  { event: 'failed', fault },
  { event: 'prepared', grant },
  { event: 'transfer-began' },
  { event: 'switchover-asked' },
  { event: 'loaded' },
  { event: 'handover-received', epoch: 2 },
  { event: 'transfer-failed', fault },
  { event: 'owner-moved' },
  { event: 'owner-lost', fault },
  { event: 'guest-lost', fault },
  { event: 'running' },
  { event: 'closed' },
  { event: 'release-asked' },
  { event: 'cancel-asked' },
  { event: 'deadline-passed' },
];

/** A source with these options that sends memory. */
export const sendingBy = (options: Partial<MigrateOptions>): SourceState => {
  const begin = { ...sourceBegin, options: { ...sourceBegin.options, ...options } };
  return walk(migrateSource, begin, pick(sourceEvents, ['allowed', 'turn-given', 'granted', 'confirmed'])).state;
};
