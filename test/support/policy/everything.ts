import type { RandomPolicy } from './random-policy.ts';
import { smallPolicy } from './small-policy.ts';

/** A policy of every kind of statement that leaves something in a binary policy. */
export const everything: RandomPolicy = {
  mls: true,
  classes: ['process', 'file', 'vm', 'dir', 'chr_file'],
  types: ['kernel_t', 'user_t', 'vm_user_t', 'virtdisk_t', 'other_t', 'parent_t', 'parent_t.child_t'],
  roles: ['system_r', 'user_r', 'staff_r'],
  users: ['system_u', 'user_u'],
  booleans: ['on', 'off'],
  sensitivities: ['s0', 's1'],
  categories: ['c0', 'c1', 'c2', 'c3', 'c4'],
  text: smallPolicy({
    classes: 'class dir class chr_file',
    access: 'class dir inherits file_like class chr_file inherits file_like { ioctl }',
    defaults:
      'default_range vm target low-high; default_role vm source; default_user file target; default_type dir source;',
    mls: `mlsconstrain { file dir } { read getattr } ( l1 dom l2 or t1 == domain );
mlsvalidatetrans file ( l1 eq l2 or t3 == { kernel_t domain } );`,
    rules: `policycap open_perms; policycap nnp_nosuid_transition;
attribute_role any_r; role staff_r; roleattribute staff_r any_r; roleattribute user_r any_r;
type parent_t, domain; type parent_t.child_t, domain; permissive other_t;
role any_r types { parent_t parent_t.child_t user_t vm_user_t };
allow parent_t domain:process { signal transition }; allow parent_t.child_t domain:process signal;
allow domain self:process *; allow domain disk:{ file dir } { read write getattr }; auditallow domain disk:file write;
dontaudit domain other_t:file *; allow { domain -user_t } other_t:vm start;
allow domain disk:chr_file ioctl; allowxperm user_t disk:chr_file ioctl { 0x8900-0x8910 0x5401 0x1234 };
allowxperm domain other_t:chr_file ioctl ~{ 0x5401 0x7000-0x72ff }; auditallowxperm domain disk:chr_file ioctl 0x8901;
dontauditxperm vm_user_t disk:chr_file ioctl { 0x0000 0xffff };
allow system_r any_r; allow any_r system_r; role_transition user_r disk:process staff_r;
range_transition domain disk:process s0:c1 - s1:c0.c4; range_transition user_t other_t:file s1:c2;
type_transition domain disk:vm vm_user_t; type_change user_t other_t:file vm_user_t; type_member user_t disk:dir user_t;
type_transition user_t disk:file other_t "disk.img"; type_transition kernel_t disk:file user_t "disk.img";
type_transition domain other_t:dir vm_user_t "a name";
if (on && ! off) { allow user_t other_t:file execute; type_transition user_t other_t:file other_t; }
else { dontaudit user_t other_t:file execute; type_transition user_t other_t:file user_t; auditallow user_t disk:file read; }
if (on ^ off || on == off) { allow vm_user_t other_t:vm stop; }`,
    users: 'user staff_u roles any_r level s0:c1 range s0:c1 - s1:c0.c4;',
    constraints: `constrain process transition ( u1 == u2 or r1 == { system_r any_r } and not t2 == disk );
constrain vm { start } ( r1 dom r2 or u1 != user_u );
validatetrans { file dir } ( u1 == u2 and r3 != staff_r or t1 != t2 );`,
    contexts: `fs_use_xattr ext4 system_u:object_r:other_t:s0; fs_use_task pipefs system_u:object_r:other_t:s0;
genfscon proc / system_u:object_r:other_t:s0
genfscon proc /sys -d system_u:object_r:disk_label_t:s1:c0
genfscon sysfs / system_u:object_r:other_t:s0
portcon tcp 80 system_u:object_r:other_t:s0
portcon udp 1-1024 system_u:object_r:other_t:s0 - s1
netifcon eth0 system_u:object_r:other_t:s0 system_u:object_r:other_t:s1
nodecon 10.0.0.0 255.0.0.0 system_u:object_r:other_t:s0
nodecon fe80:: ffff:: system_u:object_r:other_t:s0`.replace('disk_label_t', 'qemu_virtdisk_t'),
  }),
};
