import { smallPolicy } from '../policy/small-policy.ts';
import { withKernelSids } from './policies.ts';

export const blindContext = 'system_u:system_r:blind_t:s0';

const security =
  'compute_av check_context compute_create compute_relabel compute_member validate_trans setbool setenforce';

/**
 * A policy under which a kernel can enforce: its own domain may do everything but has no rule for class vm. blind_t may
 * ask for access vectors and contexts, and nothing else. `vmFirst` numbers the classes the other way round.
 */
export function lifePolicy(options: { readonly vmFirst: boolean }): string {
  const text = withKernelSids(
    smallPolicy({
      classes: 'class security',
      access: `class security { ${security} load_policy read_policy }`,
      rules: `type blind_t, domain;
role system_r types blind_t;
type vm_other_t;
bool starts false;
allow { kernel_t blind_t } { domain other_t }:process *;
allow { kernel_t blind_t } { domain other_t }:file *;
allow kernel_t other_t:security *;
allow blind_t other_t:security { compute_av check_context };
if (starts) { allow user_t qemu_virtdisk_t:vm start; }
allow user_t qemu_virtdisk_t:vm stop;
type_change user_t qemu_virtdisk_t:vm vm_user_t;
type_transition user_t qemu_virtdisk_t:process kernel_t;`,
      constraints: 'validatetrans vm ( u1 == u2 );',
    }),
  );
  if (!options.vmFirst) return text;
  return text.replace(
    'class process\nclass file\nclass vm\nclass security\n',
    'class vm\nclass security\nclass file\nclass process\n',
  );
}
