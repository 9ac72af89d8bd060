import type { Label } from '../../../../shared/label/label.ts';

/** A question that can be put to policy or, for `host`, to the host itself. */
export type Question =
  /** May `source` do `perms`, all of them, to `target`? */
  | {
      readonly kind: 'access';
      readonly why: string;
      readonly source: Label;
      readonly target: Label;
      readonly tclass: 'vm' | 'vmhost' | 'file' | 'process' | 'anon_inode';
      readonly perms: readonly [string, ...string[]];
    }
  /** May a process of this label make a userfaultfd and use it? Which label that gets is for policy to say. */
  | { readonly kind: 'userfaultfd'; readonly why: string; readonly process: Label }
  /** Is the label valid here, in the policy's own spelling? */
  | { readonly kind: 'valid'; readonly why: string; readonly label: Label }
  /** May `task` turn the VM's label `from` into `to`, by the policy's validatetrans rules? */
  | { readonly kind: 'relabel'; readonly why: string; readonly from: Label; readonly to: Label; readonly task: Label }
  /** Does the host do what policy relies on? */
  | {
      readonly kind: 'host';
      readonly why: string;
      readonly asked: string;
      readonly holds: boolean;
      readonly reason: 'UNCONFINED' | 'PERMISSIVE';
    };

/** A label that policy has to compute before the rest can be asked. */
export type Compute =
  /** T of a VM that is started. */
  | { readonly from: 'boot disk'; readonly client: Label; readonly disk: Label }
  /** T of a VM that brings its label, from `peer` or from this host's own store. */
  | { readonly from: 'carried label'; readonly carried: Label; readonly peer?: Label }
  /** M of a VM that is saved. */
  | { readonly from: 'store'; readonly vm: Label; readonly store: Label };

/**
 * Everything that is asked for one action: `first` stands by itself, `withLabel` needs the computed label and is not asked
 * where there is none. All must be answered yes.
 */
export interface Plan {
  readonly first: readonly Question[];
  readonly compute?: Compute;
  readonly withLabel?: (computed: Label) => readonly Question[];
  /** The VM's label, where it has one already; else it is the computed one. */
  readonly vm?: Label;
}

/** What the gate knows of the host it decides for. */
export interface HostFacts {
  /** L: the broker's own context. */
  readonly label: Label;
  /** The context of the checkpoint store's directory. */
  readonly store: Label;
  /** Processes really start in the domain of their label. */
  readonly confined: boolean;
  /** A VM whose process cannot be confined is refused. */
  readonly mustConfine: boolean;
  /** False records what policy refuses without acting on it. */
  readonly enforcing: boolean;
}
