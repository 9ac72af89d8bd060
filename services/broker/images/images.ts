import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { limits } from '../../../shared/limits.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';
import type { Images, OpenImage, OpenImages } from '../runtime/ports.ts';
import { closeAll, closeFd } from './descriptors.ts';
import { readFileContexts } from './file-contexts.ts';
import { openImage } from './open-image.ts';
import { openPool } from './pool.ts';
import { replaceImage } from './replace.ts';

/** The images of a host, until `close`. */
export interface ImagePool extends Images {
  /** The pool's id. */
  readonly id: string;
  close(): Promise<void>;
}

/**
 * Opens the pool at `directory`. An image's label is its file's own; where files carry none, `fileContexts` names a
 * file_contexts file that says which. CONFIG_INVALID where either cannot be used.
 */
export async function createImages(options: { directory: string; fileContexts?: string }): Promise<ImagePool> {
  const contexts = options.fileContexts === undefined ? undefined : await readFileContexts(options.fileContexts);
  const pool = await openPool(options.directory);
  return {
    id: pool.id,
    async open(specs) {
      checkBackings(specs);
      const opened: OpenImage[] = [];
      try {
        for (const spec of specs) opened.push(await openImage(pool, contexts, spec));
        return openedTogether(opened);
      } catch (error) {
        closeAll(descriptorsOf(opened));
        throw error;
      }
    },
    replace: (name, sourceFd, label) => replaceImage(pool, contexts, name, sourceFd, label),
    close: () => closeFd(pool.fd),
  };
}

/**
 * A backing file is read by the VM like any other image, so it has to be one of the VM's images, read-only: policy is
 * asked about it, and it is opened and checked like the rest.
 */
function checkBackings(specs: readonly ImageSpec[]): void {
  if (specs.length > limits.imagesPerVm) throw new BrokerError('IMAGE_UNSAFE', 'the VM has too many images');
  for (const { name, backing } of specs) {
    if (backing === undefined) continue;
    const spec = specs.find((other) => other.name === backing);
    if (spec?.role === 'disk' && spec.readonly && backing !== name) continue;
    throw new BrokerError('IMAGE_UNSAFE', `the backing file ${backing} of ${name} is not a read-only disk of the VM`, {
      hint: 'add it to the images of the VM with `readonly: true`',
    });
  }
}

function openedTogether(images: readonly OpenImage[]): OpenImages {
  let isOpen = true;
  return {
    images,
    close() {
      if (isOpen) closeAll(descriptorsOf(images));
      isOpen = false;
    },
  };
}

const descriptorsOf = (images: readonly OpenImage[]) => images.flatMap(({ fd, readOnlyFd }) => [fd, readOnlyFd]);
