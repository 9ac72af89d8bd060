import { type Case, described } from './case.ts';

const manyTerms = (depth: number, open: string, close: string, operator: string): string =>
  `${open.repeat(depth)}u1 == u2${` ${operator} t1 == t2${close}`.repeat(depth)}`;

const LABEL = 'system_u:object_r:other_t:s0';

const rows: readonly (readonly [string, boolean, Parameters<typeof described>[2]])[] = [
  ['the small policy', true, {}],
  ['a class declared twice', false, { classes: 'class vm' }],
  ['a class without permissions', true, { classes: 'class bare' }],
  ['permissions defined twice', false, { access: 'class vm { again }' }],
  ['permissions of an unknown class', false, { access: 'class nothing { read }' }],
  [
    'an inherited permission named again',
    false,
    { classes: 'class dir', access: 'class dir inherits file_like { read }' },
  ],
  ['an unknown common', false, { classes: 'class dir', access: 'class dir inherits dir_like { search }' }],
  ['a class that only inherits', true, { classes: 'class dir', access: 'class dir inherits file_like' }],
  ['32 permissions', true, { classes: 'class big', access: `class big { ${numbered('p', 32)} }` }],
  ['33 permissions', false, { classes: 'class big', access: `class big { ${numbered('p', 33)} }` }],
  ['defaults said twice the same', true, { defaults: 'default_user vm source; default_user { vm file } source;' }],
  ['defaults that conflict', false, { defaults: 'default_range vm source low; default_range vm target low;' }],
  ['a default for an unknown class', false, { defaults: 'default_role nothing source;' }],
  ['default_range glblub', true, { defaults: 'default_range { vm } glblub;' }],
  ['default_range without an end', false, { defaults: 'default_range vm source;' }],
  ['default_type low', false, { defaults: 'default_type vm low;' }],
  ['a category that is not declared in a level', false, { mls: 'level s1:c9;' }],
  ['a statement before its section', false, { defaults: 'type early_t;' }],
  ['a sensitivity after the rules', false, { rules: 'sensitivity s2;' }],
  ['a type declared twice', false, { rules: 'type user_t;' }],
  ['a type named as an attribute', false, { rules: 'type domain;' }],
  ['a type named as a role', true, { rules: 'type user_r;' }],
  ['a type with an attribute declared later', false, { rules: 'type a_t, late; attribute late;' }],
  ['a type with a type for attribute', false, { rules: 'type a_t, user_t;' }],
  ['an alias that is taken', false, { rules: 'typealias user_t alias vm_user_t;' }],
  ['an alias with a dot', false, { rules: 'typealias user_t alias a.b;' }],
  ['an alias of an attribute', false, { rules: 'typealias domain alias all_t;' }],
  ['an alias of an alias', true, { rules: 'typealias virtdisk_t alias image_t; allow user_t image_t:file read;' }],
  ['a type whose name is a keyword', false, { rules: 'type r2;' }],
  ['a type whose name is another keyword', false, { rules: 'type source;' }],
  ['a keyword in capitals', true, { rules: 'TYPE big_t;' }],
  ['a keyword in mixed case', false, { rules: 'Type big_t;' }],
  ['a name with dots and dashes', true, { rules: 'type a-b_c-d; type user_t.sub;' }],
  ['a dotted type without its parent', false, { rules: 'type nobody.sub;' }],
  ['a name that begins with an underscore', false, { rules: 'type _a;' }],
  ['a carriage return', false, { rules: 'type a_t;\r\ntype b_t;' }],
  ['a rule before the type it names', true, { rules: 'allow late_t late_t:file read; type late_t;' }],
  ['an unknown type in a rule', false, { rules: 'allow user_t nobody_t:file read;' }],
  ['an unknown class in a rule', false, { rules: 'allow user_t user_t:nothing read;' }],
  ['an unknown permission in a rule', false, { rules: 'allow user_t user_t:file start;' }],
  ['a permission one of two classes has', false, { rules: 'allow user_t user_t:{ file vm } read;' }],
  ['a star for permissions', true, { rules: 'allow user_t user_t:{ file vm } *;' }],
  ['a complement of permissions', true, { rules: 'allow user_t user_t:file ~{ read write };' }],
  ['a star for types', false, { rules: 'allow * user_t:file read;' }],
  ['a complement of types', false, { rules: 'allow user_t ~user_t:file read;' }],
  ['a star for classes', false, { rules: 'allow user_t user_t:* read;' }],
  ['a subtracted set', true, { rules: 'allow { domain -user_t } { disk - virtdisk_t }:file read;' }],
  ['a subtraction without braces', true, { rules: 'allow domain -user_t disk:file read;' }],
  ['a name with a dash that is no subtraction', false, { rules: 'allow domain-user_t disk:file read;' }],
  ['nested sets', true, { rules: 'allow { domain { user_t { other_t } } } self:file { read { write } };' }],
  ['an empty set', false, { rules: 'allow user_t { }:file read;' }],
  ['self as a source', false, { rules: 'allow self user_t:file read;' }],
  ['self subtracted', false, { rules: 'allow domain { domain -self }:file read;' }],
  ['a neverallow that holds', true, { rules: 'neverallow * virtdisk_t:vm start; neverallow ~user_t self:vm stop;' }],
  [
    'a neverallow that is broken',
    false,
    { rules: 'allow user_t virtdisk_t:vm start; neverallow domain disk:vm start;' },
  ],
  [
    'a neverallow broken by a conditional',
    false,
    { rules: 'if (off) { allow user_t virtdisk_t:vm start; } neverallow * disk:vm *;' },
  ],
  ['a neverallow broken by self', false, { rules: 'allow domain self:vm start; neverallow user_t self:vm start;' }],
  [
    'a neverallow self that is not broken',
    true,
    { rules: 'allow domain other_t:vm start; neverallow domain self:vm start;' },
  ],
  [
    'a neverallow broken by an attribute',
    false,
    { rules: 'allow domain domain:vm start; neverallow user_t ~kernel_t:vm start;' },
  ],
  [
    'two type rules the same',
    true,
    { rules: 'type_change user_t disk:vm vm_user_t; type_change user_t virtdisk_t:vm vm_user_t;' },
  ],
  [
    'two type rules that conflict',
    false,
    { rules: 'type_change user_t disk:vm vm_user_t; type_change user_t virtdisk_t:vm user_t;' },
  ],
  ['a type rule to an attribute', false, { rules: 'type_change user_t disk:vm domain;' }],
  [
    'a type rule both in and out of an if',
    false,
    { rules: 'type_change user_t disk:vm user_t; if (on) { type_change user_t disk:vm user_t; }' },
  ],
  [
    'a type rule in both sides of an if',
    true,
    { rules: 'if (on) { type_change user_t disk:vm user_t; } else { type_change user_t disk:vm vm_user_t; }' },
  ],
  [
    'a type rule in two ifs',
    false,
    { rules: 'if (on) { type_change user_t disk:vm user_t; } if (off) { type_change user_t disk:vm user_t; }' },
  ],
  [
    'a type rule in two ifs that say the same',
    true,
    { rules: 'if (on) { type_change user_t disk:vm user_t; } if (on) { type_change user_t disk:vm user_t; }' },
  ],
  [
    'a type rule in an if and its negation',
    true,
    { rules: 'if (on) { type_change user_t disk:vm user_t; } if (!on) { type_change user_t disk:vm vm_user_t; }' },
  ],
  ['a rule with a file name', true, { rules: 'type_transition user_t disk:file other_t "name";' }],
  [
    'the same file name twice',
    false,
    { rules: 'type_transition user_t disk:file other_t "n"; type_transition user_t disk:file user_t "n";' },
  ],
  ['a file name in a type_change', false, { rules: 'type_change user_t disk:file other_t "name";' }],
  ['a file name in an if', false, { rules: 'if (on) { type_transition user_t disk:file other_t "name"; }' }],
  ['a file name with a slash', false, { rules: 'type_transition user_t disk:file other_t "a/b";' }],
  ['an unknown boolean', false, { rules: 'if (nothing) { allow user_t user_t:file read; }' }],
  ['a boolean with a dot', false, { rules: 'bool a.b true;' }],
  ['an empty if', true, { rules: 'if (on && off) { }' }],
  ['an if in an if', false, { rules: 'if (on) { if (off) { allow user_t user_t:file read; } }' }],
  ['a neverallow in an if', false, { rules: 'if (on) { neverallow user_t user_t:file read; }' }],
  ['a role rule in an if', false, { rules: 'if (on) { allow system_r user_r; }' }],
  [
    'a condition that needs ten values',
    true,
    { rules: `if (${nested('on', 10)}) { allow user_t user_t:file read; };` },
  ],
  [
    'a condition that needs eleven values',
    false,
    { rules: `if (${nested('on', 11)}) { allow user_t user_t:file read; };` },
  ],
  ['a negated right side', true, { rules: 'if (on == !off != !on && off) { allow user_t user_t:file read; }' }],
  ['a tunable', true, { rules: 'tunable t true; if (t) { allow user_t user_t:file read; }' }],
  ['a role declared twice', true, { rules: 'role user_r; role user_r;' }],
  [
    'a role with an attribute',
    true,
    { rules: 'attribute_role staff; role a_r, staff; role staff types user_t; roleattribute user_r staff;' },
  ],
  ['a role and a role attribute of one name', false, { rules: 'attribute_role user_r;' }],
  ['a role attribute that is a role', false, { rules: 'role a_r, user_r;' }],
  ['types of an unknown role', false, { rules: 'role nobody_r types user_t;' }],
  ['a star for roles', false, { rules: 'allow user_r *;' }],
  ['a role allow said twice', true, { rules: 'allow user_r system_r; allow { user_r } { system_r };' }],
  [
    'a role transition',
    true,
    { rules: 'role_transition user_r disk:vm system_r; role_transition user_r disk system_r;' },
  ],
  [
    'a role transition said twice',
    false,
    { rules: 'role_transition user_r disk:vm system_r; role_transition user_r virtdisk_t:vm system_r;' },
  ],
  [
    'a role transition to an attribute',
    false,
    { rules: 'attribute_role staff; role_transition user_r disk:vm staff;' },
  ],
  [
    'a range transition',
    true,
    { rules: 'range_transition user_t disk:vm s0 - s1:c0.c3; range_transition user_t disk s1;' },
  ],
  [
    'a range transition said twice the same',
    true,
    { rules: 'range_transition user_t disk:vm s1; range_transition user_t virtdisk_t:vm s1;' },
  ],
  [
    'a range transition that conflicts',
    false,
    { rules: 'range_transition user_t disk:vm s1; range_transition user_t virtdisk_t:vm s0;' },
  ],
  ['a range that runs backwards', false, { rules: 'range_transition user_t disk:vm s1 - s0;' }],
  ['a range written without spaces', false, { rules: 'range_transition user_t disk:vm s0-s1;' }],
  ['categories that run backwards', false, { rules: 'range_transition user_t disk:vm s0:c3.c0;' }],
  ['a permissive type', true, { rules: 'permissive user_t;' }],
  ['a permissive attribute', false, { rules: 'permissive domain;' }],
  ['a policy capability', true, { rules: 'policycap open_perms;' }],
  ['an unknown policy capability', false, { rules: 'policycap fly;' }],
  [
    'bounds that hold',
    true,
    {
      rules:
        'typebounds domain_p child_t; type domain_p; type child_t; allow domain_p other_t:file { read write }; allow child_t other_t:file read;',
    },
  ],
  [
    'bounds that are exceeded',
    false,
    { rules: 'typebounds user_t child_t; type child_t; allow child_t other_t:file read;' },
  ],
  [
    'bounds exceeded under a condition',
    false,
    {
      rules: 'type c_t; typebounds user_t c_t; allow c_t other_t:vm start; if (on) { allow user_t other_t:vm start; }',
    },
  ],
  [
    'bounds kept under the same condition',
    true,
    {
      rules:
        'type c_t; typebounds user_t c_t; if (on) { allow c_t other_t:vm start; } if (on) { allow user_t other_t:vm start; }',
    },
  ],
  [
    'bounds kept by both sides of a condition',
    true,
    {
      rules:
        'type c_t; typebounds user_t c_t; allow c_t other_t:vm start; if (on) { allow user_t other_t:vm start; } else { allow user_t other_t:vm { start stop }; }',
    },
  ],
  ['two parents', false, { rules: 'type c_t; typebounds user_t c_t; typebounds other_t c_t;' }],
  ['bounds by an attribute', false, { rules: 'type c_t; typebounds domain c_t;' }],
  ['a user that is named twice', true, { users: 'user user_u roles system_r level s0 range s0 - s0:c0.c4;' }],
  ['a user without a level', false, { users: 'user a_u roles user_r;' }],
  ['a user of an unknown role', false, { users: 'user a_u roles nobody_r level s0 range s0;' }],
  ['a user whose level is outside its range', false, { users: 'user a_u roles user_r level s1 range s0;' }],
  ['a user with a star for roles', false, { users: 'user a_u roles * level s0 range s0;' }],
  [
    'a constraint on names of every kind',
    true,
    { constraints: 'constrain vm start ( u1 == system_u or r2 == { user_r object_r } or t1 != { domain other_t } );' },
  ],
  [
    'a constraint in old words',
    true,
    { constraints: 'constrain vm start ( sameuser or source role user_r or target type other_t or role dom );' },
  ],
  ['a constraint with context 3', false, { constraints: 'constrain vm start ( t3 == user_t );' }],
  ['a validatetrans with context 3', true, { constraints: 'validatetrans file ( t3 == user_t or u1 == u2 );' }],
  ['a subtraction in a constraint', false, { constraints: 'constrain vm start ( t1 == { domain -user_t } );' }],
  ['a star in a constraint', false, { constraints: 'constrain vm start ( t1 == * );' }],
  ['xor in a constraint', false, { constraints: 'constrain vm start ( u1 == u2 xor r1 == r2 );' }],
  ['dom between types', false, { constraints: 'constrain vm start ( t1 dom t2 );' }],
  ['dom between a role and names', false, { constraints: 'constrain vm start ( r1 dom user_r );' }],
  ['an unknown permission in a constraint', false, { constraints: 'constrain vm read ( u1 == u2 );' }],
  [
    'a constraint that leaves nothing',
    true,
    { constraints: 'constrain vm ~{ start stop entrypoint migrate_in } ( u1 == u2 );' },
  ],
  [
    'a constraint that needs five values',
    true,
    { constraints: `constrain vm start ( ${nested('u1 == u2', 5, 'and')} );` },
  ],
  [
    'a constraint that needs six values',
    false,
    { constraints: `constrain vm start ( ${nested('u1 == u2', 6, 'and')} );` },
  ],
  [
    'a constraint of many terms in a row',
    true,
    { constraints: `constrain vm start ( ${manyTerms(200, '', '', 'or')} );` },
  ],
  ['levels in a plain constraint', true, { constraints: 'constrain vm start ( l1 dom h2 and h1 incomp l2 );' }],
  ['a level comparison the language does not have', false, { constraints: 'constrain vm start ( h1 dom l1 );' }],
  ['a user of a later section in an mlsconstrain', false, { mls: 'mlsconstrain vm start ( u1 == user_u );' }],
  ['a type of a later section in an mlsconstrain', true, { mls: 'mlsconstrain vm start ( t1 == user_t );' }],
  ['a constraint before the users', false, { rules: 'constrain vm start ( u1 == u2 );' }],
  ['an initial SID with two contexts', false, { contexts: 'sid kernel system_u:system_r:kernel_t:s0' }],
  ['an initial SID that is not declared', false, { contexts: 'sid nothing system_u:system_r:kernel_t:s0' }],
  [
    'an initial SID with a context that is not valid',
    false,
    { users: '', contexts: 'sid devnull user_u:user_r:kernel_t:s0' },
  ],
  [
    'an initial SID with a type its role may not have',
    false,
    { replace: ['system_u:system_r:kernel_t:s0 - s1:c0.c4\n', 'user_u:system_r:kernel_t:s0 '] },
  ],
  ['a dotted role within its parent', true, { rules: 'role user_r.sub; role user_r.sub types user_t;' }],
  ['a dotted role beyond its parent', false, { rules: 'role user_r.sub; role user_r.sub types other_t;' }],
  ['a dotted role without its parent', false, { rules: 'role nobody_r.sub;' }],
  ['a dotted user within its parent', true, { users: 'user user_u.sub roles user_r level s0 range s0;' }],
  ['a dotted user beyond its parent', false, { users: 'user user_u.sub roles system_r level s0 range s0;' }],
  [
    'labels of every kind',
    true,
    {
      contexts: `fs_use_xattr ext4 ${LABEL}; fs_use_task pipefs ${LABEL}; fs_use_trans tmpfs ${LABEL};
genfscon proc / ${LABEL} genfscon proc /sys -- ${LABEL} genfscon 9p /a ${LABEL}
portcon tcp 80 ${LABEL} portcon udp 1-1023 ${LABEL} netifcon lo ${LABEL} ${LABEL}
nodecon 127.0.0.1 255.255.255.255 ${LABEL} nodecon ::1 ffff:: ${LABEL}
ibpkeycon fe80:: 0-0x10 ${LABEL} ibendportcon mlx4_0 1 ${LABEL}`,
    },
  ],
  ['labels out of order', false, { contexts: `portcon tcp 80 ${LABEL} genfscon proc / ${LABEL}` }],
  ['a file system labelled twice', false, { contexts: `fs_use_xattr ext4 ${LABEL}; fs_use_task ext4 ${LABEL};` }],
  ['a path labelled twice', false, { contexts: `genfscon proc /a ${LABEL} genfscon proc /a -- ${LABEL}` }],
  ['a path labelled for an unknown type of file', false, { contexts: `genfscon proc /a -x ${LABEL}` }],
  ['a path labelled for a class that is not declared', false, { contexts: `genfscon proc /a -d ${LABEL}` }],
  ['a port hidden by an earlier one', false, { contexts: `portcon tcp 1-100 ${LABEL} portcon tcp 80 ${LABEL}` }],
  ['a port before a wider range', true, { contexts: `portcon tcp 80 ${LABEL} portcon tcp 1-100 ${LABEL}` }],
  ['a port of another protocol', true, { contexts: `portcon tcp 1-100 ${LABEL} portcon udp 80 ${LABEL}` }],
  ['a port of an unknown protocol', false, { contexts: `portcon icmp 80 ${LABEL}` }],
  ['ports that run backwards', false, { contexts: `portcon tcp 100-1 ${LABEL}` }],
  ['an interface labelled twice', false, { contexts: `netifcon lo ${LABEL} ${LABEL} netifcon lo ${LABEL} ${LABEL}` }],
  ['a node without an address', false, { contexts: `nodecon 999.0.0.1 255.255.255.255 ${LABEL}` }],
  ['a node of two families', false, { contexts: `nodecon 127.0.0.1 ffff:: ${LABEL}` }],
  ['a partition key that is too large', false, { contexts: `ibpkeycon fe80:: 0x10000 ${LABEL}` }],
  ['an end port that is too large', false, { contexts: `ibendportcon mlx4_0 256 ${LABEL}` }],
  ['a label that is not valid', false, { contexts: 'fs_use_xattr ext4 user_u:user_r:kernel_t:s0;' }],
  [
    'a context whose role has the type by an attribute of types',
    true,
    {
      rules: 'role a_r; role a_r types domain;',
      users: 'user a_u roles a_r level s0 range s0;',
      contexts: 'fs_use_xattr ext4 a_u:a_r:user_t:s0;',
    },
  ],
  [
    'a context whose role has the type by a role attribute only',
    false,
    {
      rules: 'attribute_role ra; role a_r, ra; role ra types user_t;',
      users: 'user a_u roles a_r level s0 range s0;',
      contexts: 'fs_use_xattr ext4 a_u:a_r:user_t:s0;',
    },
  ],
  [
    'a context whose role has the type in an optional only',
    false,
    {
      rules: 'role a_r; optional { require { type user_t; class file read; } role a_r types user_t; }',
      users: 'user a_u roles a_r level s0 range s0;',
      contexts: 'fs_use_xattr ext4 a_u:a_r:user_t:s0;',
    },
  ],
  [
    'a context whose user has the role by a role attribute only',
    false,
    {
      rules: 'attribute_role ra; role a_r, ra; role a_r types user_t;',
      users: 'user a_u roles ra level s0 range s0;',
      contexts: 'fs_use_xattr ext4 a_u:a_r:user_t:s0;',
    },
  ],
  [
    'an object’s context whatever the roles have',
    true,
    {
      rules: 'attribute_role ra; role a_r, ra;',
      users: 'user a_u roles ra level s0 range s0;',
      contexts: 'fs_use_xattr ext4 a_u:object_r:user_t:s0;',
    },
  ],
];

/** Cases that take more than one statement to tell. */
export const describedCases: readonly Case[] = rows.map((row) => described(...row));

function numbered(prefix: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`).join(' ');
}

/** A right-leaning expression that keeps `values` values waiting. */
function nested(term: string, values: number, operator = '&&'): string {
  return values === 1 ? term : `${term} ${operator} (${nested(term, values - 1, operator)})`;
}
