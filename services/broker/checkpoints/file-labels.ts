import type { Label } from '../../../shared/label/label.ts';

/** Security labels of open files, as the file system keeps them. */
export interface FileLabels {
  /** Labels an open file. Does nothing where the file system keeps no labels; rejects where it refuses this one. */
  set(fd: number, label: Label): Promise<void>;
  /** The label of an open file, or nothing where it has none. */
  read(fd: number): Promise<Label | undefined>;
}
