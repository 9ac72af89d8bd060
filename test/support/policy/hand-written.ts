import type { RandomPolicy } from './random-policy.ts';
import { smallPolicy } from './small-policy.ts';

const small = {
  mls: true,
  classes: ['process', 'file', 'vm'],
  types: ['kernel_t', 'user_t', 'vm_user_t', 'qemu_virtdisk_t', 'virtdisk_t', 'other_t'],
  roles: ['system_r', 'user_r'],
  users: ['system_u', 'user_u'],
  booleans: ['on', 'off'],
  sensitivities: ['s0', 's1'],
  categories: ['c0', 'c1', 'c2', 'c3', 'c4'],
} as const;

/** The RFC's three lines, in an MLS policy. */
export const rfcRules = `allow user_t qemu_virtdisk_t:file { read getattr };
type_change user_t qemu_virtdisk_t:vm vm_user_t;
allow qemu_virtdisk_t vm_user_t:vm entrypoint;`;

const withoutMls = `class process
class file
class vm
sid kernel
sid unlabeled
class process { transition dyntransition }
class file { read write }
class vm { start entrypoint }
default_user vm target;
default_role vm source;
default_type file source;
attribute domain;
type a_t, domain; type b_t alias bb_t, domain; type disk_t;
bool on true; bool off false;
role r_a; role r_b;
role r_a types { domain disk_t }; role r_b types { b_t disk_t };
allow r_a r_b;
role_transition r_b disk_t:vm r_a;
allow domain self:process *;
allow a_t b_t:process transition;
allow { domain -a_t } disk_t:file { read write };
if (on ^ off) { allow a_t disk_t:file write; type_member a_t disk_t:file b_t; } else { allow b_t disk_t:vm start; }
type_transition a_t disk_t:process b_t;
type_change domain disk_t:vm b_t;
user u_a roles { r_a r_b };
user u_b roles r_b;
constrain file write ( u1 == u2 or r1 == r_a and not t2 == disk_t );
validatetrans file ( u1 == u2 and t3 == domain );
sid kernel u_a:r_a:a_t
sid unlabeled u_a:object_r:disk_t
`;

/** Policies written by hand, each around one part of the language, with what questions may name. */
export const handWritten: Readonly<Record<string, RandomPolicy>> = {
  'the RFC': { ...small, text: smallPolicy({ rules: rfcRules }) },
  'an image that keeps its categories': {
    ...small,
    text: smallPolicy({
      defaults: 'default_range vm target low-high; default_role vm source;',
      rules: 'type_transition user_t qemu_virtdisk_t:vm vm_user_t; allow domain domain:vm *;',
      constraints: 'constrain vm { start migrate_in } ( h1 dom h2 and t1 != other_t );',
    }),
  },
  'everything that changes a range': {
    ...small,
    text: smallPolicy({
      defaults:
        'default_range file glblub; default_range process target high; default_user vm target; default_type vm source;',
      rules: `range_transition user_t disk:vm s0:c0 - s1:c0.c2; range_transition domain other_t s0;
role_transition user_r other_t:vm system_r; type_transition domain disk:{ vm file process } other_t;
type_member domain disk:file user_t; allow user_r system_r; allow domain domain:process { transition signal };`,
      constraints:
        'validatetrans { vm file } ( l1 domby h2 or t3 == kernel_t ); constrain process transition ( r1 dom r2 or u1 == system_u );',
    }),
  },
  'without MLS': {
    text: withoutMls,
    mls: false,
    classes: ['process', 'file', 'vm'],
    types: ['a_t', 'b_t', 'bb_t', 'disk_t'],
    roles: ['r_a', 'r_b'],
    users: ['u_a', 'u_b'],
    booleans: ['on', 'off'],
    sensitivities: [],
    categories: [],
  },
};
