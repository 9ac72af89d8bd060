/** What may be added to the small policy, section by section. */
export interface Additions {
  readonly classes?: string;
  readonly access?: string;
  readonly defaults?: string;
  readonly mls?: string;
  readonly rules?: string;
  readonly users?: string;
  readonly constraints?: string;
  readonly contexts?: string;
}

/** A complete MLS policy of a few types, to which a test adds the statements it is about. */
export function smallPolicy(add: Additions = {}): string {
  return `class process
class file
class vm
${add.classes ?? ''}
sid kernel
sid unlabeled
common file_like { read write getattr }
class process { transition dyntransition signal }
class file inherits file_like { execute }
class vm { start stop entrypoint migrate_in }
${add.access ?? ''}
${add.defaults ?? ''}
sensitivity s0;
sensitivity s1 alias secret;
dominance { s0 s1 }
category c0; category c1; category c2; category c3; category c4;
level s0:c0.c4;
level s1:c0.c4;
mlsconstrain file { write } ( l1 eq l2 );
${add.mls ?? ''}
attribute domain;
attribute disk;
type kernel_t, domain;
type user_t, domain;
type vm_user_t, domain;
type qemu_virtdisk_t alias virtdisk_t, disk;
type other_t;
bool on true;
bool off false;
role system_r;
role user_r;
role system_r types { kernel_t other_t };
role user_r types { user_t vm_user_t };
${add.rules ?? ''}
user system_u roles { system_r user_r } level s0 range s0 - s1:c0.c4;
user user_u roles user_r level s0 range s0 - s0:c0.c4;
${add.users ?? ''}
${add.constraints ?? ''}
sid kernel system_u:system_r:kernel_t:s0 - s1:c0.c4
sid unlabeled system_u:object_r:other_t:s0
${add.contexts ?? ''}
`;
}

/** Types `c0_t` and on, each bounded by the one before, `depth` of which have another above; all may read. */
export function boundsChain(depth: number): string {
  const types = Array.from({ length: depth + 1 }, (_, n) => `c${n}_t`);
  const bounds = types.slice(1).map((type, n) => `typebounds ${types[n]} ${type};`);
  return `type ${types.join('; type ')}; ${bounds.join(' ')} allow { ${types.join(' ')} } other_t:file read;`;
}
