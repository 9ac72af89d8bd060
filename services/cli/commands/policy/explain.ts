import { exits } from '../../render/fault.ts';
import type { CommandForm } from '../register.ts';
import { type FlavourOptions, flavourOption, policyIn } from './load.ts';

export const explainForm: CommandForm<FlavourOptions> = {
  usage: 'explain <file> <scontext> <tcontext> <tclass> <perm>',
  summary: 'say which rules of a policy allow a permission, or what stands in the way',
  details: 'The file may be source or binary. Exit status 0 when the permission is allowed, 8 when it is not.',
  options: [flavourOption()],
  examples: [
    'carnet policy explain policy.conf user_u:user_r:user_t:s0 system_u:object_r:etc_t:s0 file read',
    'carnet policy explain policy.conf user_u:user_r:user_t:s0 system_u:object_r:etc_t:s0 file write -o json',
  ],
  async run(session, [file = '', scontext = '', tcontext = '', tclass = '', perm = ''], options) {
    const policy = await policyIn(file, { flavour: options.flavour });
    const { renderExplanation, unknownPart } = await import('../../render/policy/explanation.ts');
    const explanation = policy.explain(scontext, tcontext, tclass, perm);
    const question = { scontext, tcontext, tclass, perm };
    const unknown = unknownPart(policy, question);
    await session.show({
      key: 'explanation',
      value: { ...question, ...explanation, ...(unknown === undefined ? {} : { unknown }) },
      name: explanation.allowed ? 'allowed' : 'refused',
      table: (style) => renderExplanation(question, explanation, unknown, style),
    });
    return explanation.allowed ? undefined : { is: 'no', status: exits.refused };
  },
};
