import { mustLoad } from '../policy/load.ts';
import { smallPolicy } from '../policy/small-policy.ts';
import type { Loadable } from './fake-selinuxfs.ts';

export const user = 'user_u:user_r:user_t:s0';
export const disk = 'system_u:object_r:qemu_virtdisk_t:s0';
const rules = `bool gone false;
allow user_t disk:vm stop;
type_change user_t disk:vm vm_user_t;
type_transition user_t disk:file kernel_t "named";
type_transition user_t disk:process kernel_t;`;
const constraints = 'validatetrans vm ( u1 == u2 );';
const loadable = (text: string, classes: readonly string[]): Loadable => ({
  policy: mustLoad(text, { flavour: 'kernel' }),
  classes,
});
const text = smallPolicy({ rules, constraints });
/** A policy with an answer of every kind. */
export const old = loadable(text, ['process', 'file', 'vm']);
/** The same answers, and nothing to set. */
export const withoutBooleans = loadable(text.replaceAll(/^bool .*\n/gm, ''), ['process', 'file', 'vm']);
/** The same classes under other numbers, and other answers to every question. */
export const next = loadable(
  smallPolicy({
    rules: `allow user_t disk:vm start; allow user_t disk:file { read write }; type_change user_t disk:vm other_t;
type_transition user_t disk:file user_t "named";`,
  }),
  ['vm', 'process', 'file'],
);

/** Fits an error of this code. */
export const fault = (code: string) => (error: unknown) => (error as { code?: string }).code === code;
