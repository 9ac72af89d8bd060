import type { Controls } from './controls.ts';

/** Every capability Carnet uses; the others are off in a QEMU that was just started, and stay so. */
const capabilities = [
  'events',
  'return-path',
  'pause-before-switchover',
  'late-block-activate',
  'validate-uuid',
  'background-snapshot',
  'auto-converge',
] as const;
type Capability = (typeof capabilities)[number];

/**
 * Both ends of a migration. `return-path`, so that the source learns whether the destination could load;
 * `late-block-activate`, so that the source can still go back to its disks.
 */
export const transferCapabilities: readonly Capability[] = [
  'events',
  'return-path',
  'pause-before-switchover',
  'late-block-activate',
  'validate-uuid',
];
/** The source of one whose guest may be slowed down. QEMU looks at each pass whether it has to be. */
export const convergingCapabilities: readonly Capability[] = [...transferCapabilities, 'auto-converge'];
/** A live checkpoint. QEMU excludes nearly everything else together with it. */
export const snapshotCapabilities: readonly Capability[] = ['events', 'background-snapshot'];
/** A stream that is written to or read from a file. */
export const fileCapabilities: readonly Capability[] = ['events'];

/** Exactly these on and every other off, in one command, so that no operation inherits another's. */
export async function setCapabilities({ execute }: Controls, on: readonly Capability[]): Promise<void> {
  await execute('migrate-set-capabilities', {
    capabilities: capabilities.map((capability) => ({ capability, state: on.includes(capability) })),
  });
}

export interface Parameters {
  readonly credentials?: string;
  /** 0 for no limit. */
  readonly bandwidthBytesPerSecond?: number;
  readonly downtimeMsMax?: number;
}

/** QEMU sends a tenth of the bandwidth at a time, and takes less than a byte for no limit at all. */
const bandwidthLeast = 10;

/** The parameters of one operation; those left out are as at QEMU's start, but for the bandwidth, which is not limited. */
export async function setParameters({ execute }: Controls, options: Parameters = {}): Promise<void> {
  const { bandwidthBytesPerSecond: bandwidth = 0 } = options;
  await execute('migrate-set-parameters', {
    'tls-creds': options.credentials ?? '',
    'max-bandwidth': bandwidth === 0 ? 0 : Math.max(bandwidth, bandwidthLeast),
    'downtime-limit': options.downtimeMsMax ?? 300,
  });
}

/** Lets what is being sent go as fast as it can, whatever limit it began with. */
export async function liftBandwidth({ execute }: Controls): Promise<void> {
  await execute('migrate-set-parameters', { 'max-bandwidth': 0 });
}
