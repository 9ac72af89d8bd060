import type { ContextName, Span } from './ast.ts';

/*
 * Statements that give what is not a process its context: file systems, the network, devices, and under Xen what belongs to
 * it.
 */

export interface SidContext extends Span {
  readonly kind: 'sidContext';
  readonly name: string;
  readonly context: ContextName;
}

/** `fs_use_xattr`, `fs_use_task` and `fs_use_trans`. */
export interface FileSystemUse extends Span {
  readonly kind: 'fs_use';
  readonly behaviour: 'xattr' | 'task' | 'trans';
  readonly fileSystem: string;
  readonly context: ContextName;
}
/** `fileType` is a letter, or `-` for a plain file, as `ls` shows it. */
export interface GenericFileSystem extends Span {
  readonly kind: 'genfscon';
  readonly fileSystem: string;
  readonly path: string;
  readonly fileType?: string;
  readonly context: ContextName;
}
export interface PortContext extends Span {
  readonly kind: 'portcon';
  readonly protocol: string;
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
export interface InterfaceContext extends Span {
  readonly kind: 'netifcon';
  readonly name: string;
  readonly contexts: readonly [ContextName, ContextName];
}
export interface NodeContext extends Span {
  readonly kind: 'nodecon';
  readonly family: 4 | 6;
  readonly address: string;
  readonly mask: string;
  readonly context: ContextName;
}
export interface PartitionKeyContext extends Span {
  readonly kind: 'ibpkeycon';
  readonly prefix: string;
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
export interface EndPortContext extends Span {
  readonly kind: 'ibendportcon';
  readonly device: string;
  readonly port: number;
  readonly context: ContextName;
}

/** `fscon`: file systems by the device they are on. */
export interface FileSystemContext extends Span {
  readonly kind: 'fscon';
  readonly major: number;
  readonly minor: number;
  readonly contexts: readonly [ContextName, ContextName];
}
/** Xen: an interrupt. */
export interface InterruptContext extends Span {
  readonly kind: 'pirqcon';
  readonly interrupt: number;
  readonly context: ContextName;
}
/** Xen: frames of I/O memory, 64-bit numbers. */
export interface IoMemoryContext extends Span {
  readonly kind: 'iomemcon';
  readonly low: bigint;
  readonly high: bigint;
  readonly context: ContextName;
}
/** Xen: I/O ports. */
export interface IoPortContext extends Span {
  readonly kind: 'ioportcon';
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
/** Xen: a PCI device by its number. */
export interface PciDeviceContext extends Span {
  readonly kind: 'pcidevicecon';
  readonly device: number;
  readonly context: ContextName;
}
/** Xen: a node of the device tree by its path. */
export interface DeviceTreeContext extends Span {
  readonly kind: 'devicetreecon';
  readonly path: string;
  readonly context: ContextName;
}
