/** Every bound on what comes from outside, in one table. Names carry their unit last. */
export const limits = {
  /** A frame on the bus, before it is decoded. nats-server's default payload limit is 1 MiB. */
  frameBytes: 256 * 1024,
  certificateBytes: 8 * 1024,
  signatureBytes: 1024,
  /** How long a message may be valid after it was issued, and how far two clocks may differ. */
  messageLifetimeMs: 60_000,
  clockSkewMs: 5_000,
  /** How long a client may let a migration wait for its turn, and how long it waits where nothing is said. */
  queueMsMax: 24 * 3_600_000,
  queueMsDefault: 10 * 60_000,
  queuedMigrations: 1000,
  /** Migrations at once, in one direction. */
  migrationsAtOnce: 64,
  nonceBytes: 16,
  /** A security context as text: the kernel's own bound is a page. */
  labelBytes: 4096,
  nameLength: 63,
  descriptionLength: 200,
  commandLineLength: 1024,
  imagesPerVm: 16,
  vcpus: 256,
  memoryMiB: 1024 * 1024,
  imageBytes: 64 * 1024 ** 4,
  questionsPerDecision: 128,
  rulesPerAnswer: 16,
  ruleTextLength: 2048,
  configFileBytes: 1024 * 1024,
  qmpLineBytes: 4 * 1024 * 1024,
  manifestBytes: 1024 * 1024,
  /** Everything of a migration stream that is not guest RAM: device state, small blocks, description. */
  deviceStateBytes: 64 * 1024 * 1024,
  checkpointsPerVm: 1000,
  jobsPerClient: 100,
  runsPerJob: 50,
  hosts: 1000,
  vmsPerHost: 1000,
  listEntries: 1000,
} as const;
