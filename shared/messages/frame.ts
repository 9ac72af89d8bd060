/** Sealing and opening what travels: the form is described in frame-form.ts, the checks in frame-open.ts. */
export { type FrameCheck, FrameError, type FrameHeader, type FrameKind, frameChecks } from './frame-form.ts';
export { type Expected, type OpenDependencies, type OpenedFrame, openEmbedded, openFrame } from './frame-open.ts';
export { createSeal, type FrameContent, type Seal, type SealedFrame } from './frame-seal.ts';
export { createSeenNonces, createStoredSeenNonces, type SeenNonces } from './frame-seen.ts';
