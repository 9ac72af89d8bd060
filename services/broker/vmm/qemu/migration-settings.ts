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
  'postcopy-ram',
] as const;
type Capability = (typeof capabilities)[number];

/**
 * Both ends of every migration. `return-path`, so that the source learns whether the destination could load;
 * `late-block-activate`, so that the source can still go back to its disks.
 */
const transferCapabilities: readonly Capability[] = [
  'events',
  'return-path',
  'pause-before-switchover',
  'late-block-activate',
  'validate-uuid',
];
/** What was asked for of a migration beyond that. */
export interface Asked {
  /** The source slows the guest down; QEMU looks at each pass whether it has to. */
  readonly autoConverge?: boolean;
  /** The guest may run at the destination before all of its memory is there. Both ends have to know from the beginning. */
  readonly postcopy?: boolean;
}
/** The capabilities of either end of a migration of which that was asked. */
export const capabilitiesFor = ({ autoConverge = false, postcopy = false }: Asked): readonly Capability[] => [
  ...transferCapabilities,
  ...(autoConverge ? (['auto-converge'] as const) : []),
  ...(postcopy ? (['postcopy-ram'] as const) : []),
];
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

/**
 * The parameters of one operation; those left out are as at QEMU's start, but for the bandwidth, which is not limited. In
 * post-copy the limit holds for what the guest does not wait for: a page that it asks for is sent at once.
 */
export async function setParameters({ execute }: Controls, options: Parameters = {}): Promise<void> {
  const { bandwidthBytesPerSecond = 0 } = options;
  const bandwidth = bandwidthBytesPerSecond === 0 ? 0 : Math.max(bandwidthBytesPerSecond, bandwidthLeast);
  await execute('migrate-set-parameters', {
    'tls-creds': options.credentials ?? '',
    'max-bandwidth': bandwidth,
    'max-postcopy-bandwidth': bandwidth,
    'downtime-limit': options.downtimeMsMax ?? 300,
  });
}

/** Lets what is being sent go as fast as it can, whatever limit it began with. */
export async function liftBandwidth({ execute }: Controls): Promise<void> {
  await execute('migrate-set-parameters', { 'max-bandwidth': 0 });
}
