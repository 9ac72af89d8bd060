import type { ImageSpec } from './spec.ts';

/** True for an image that the VM writes. Kernels and initrds are only ever read, whatever their spec says. */
export const writes = (image: ImageSpec): boolean => image.role === 'disk' && !image.readonly;
