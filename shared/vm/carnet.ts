import { checkpointId, clientName, hostName, sha256Hex, uuid } from '../ids.ts';
import { label } from '../label/label.ts';
import { limits } from '../limits.ts';
import { fields, integer, list, literal, maybe, type Shape, text } from '../schema/schema.ts';
import { accelerator, imageSpec, vmSpec } from './spec.ts';

/** An image as the sending host sees it: its spec, its label, and which file of which pool it is. */
const carnetImage = fields({
  spec: imageSpec,
  label,
  sizeBytes: integer(0, limits.imageBytes),
  /** The pool's own id, the same on every host that mounts it: how shared storage is recognised. */
  pool: uuid,
});
export type CarnetImage = Shape<typeof carnetImage>;

/** What goes with a VM's state across a border: who it is, which label it carries, what it is made of. */
export const carnet = fields({
  version: literal(1),
  spec: vmSpec,
  label,
  images: list(carnetImage, limits.imagesPerVm),
  accelerator,
  host: hostName,
  /** The epoch in which the host runs the VM. */
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  policyDigest: sha256Hex,
});
export type Carnet = Shape<typeof carnet>;

/** A file of a checkpoint: its size, and the digest of its list of chunk digests. */
const checkpointFile = fields({ bytes: integer(0, limits.imageBytes), digest: sha256Hex });

/** A checkpoint's manifest: the carnet of the moment, and digests of everything that was saved. Signed by the host. */
export const manifest = fields({
  version: literal(1),
  checkpoint: checkpointId,
  carnet,
  takenAtMs: integer(0, Number.MAX_SAFE_INTEGER),
  takenFor: clientName,
  job: maybe(text(limits.nameLength)),
  /** The label of the saved files. */
  stateLabel: label,
  memory: checkpointFile,
  devices: checkpointFile,
  disks: list(
    fields({ spec: imageSpec, label, bytes: integer(0, limits.imageBytes), digest: sha256Hex }),
    limits.imagesPerVm,
  ),
  pauseMs: integer(0, 86_400_000),
});
export type Manifest = Shape<typeof manifest>;
