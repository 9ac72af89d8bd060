import type { Label } from '../../../shared/label/label.ts';
import { readLabel, writeLabel } from '../images/file-label.ts';

/** Security labels of open files, as the file system keeps them. */
export interface FileLabels {
  /** Labels an open file and reads it back. False where the file system, or this process, cannot label. */
  write(fd: number, label: Label): Promise<boolean>;
  /** The label of an open file, or nothing where it has none. */
  read(fd: number): Promise<Label | undefined>;
}

export const fileLabels: FileLabels = { write: writeLabel, read: readLabel };
