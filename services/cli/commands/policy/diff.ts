import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { CommandForm } from '../register.ts';
import { policyIn } from './load.ts';

export const diffForm: CommandForm<object> = {
  usage: 'diff <a> <b>',
  summary: 'what policy <b> allows that <a> does not, by domain, and what else differs',
  details:
    'Lines with + are what only <b> has, lines with - what only <a> has. Attributes are resolved, and permissions told apart by the condition they stand under, whatever the booleans are set to. Then comes everything else that changes an answer. Auditing is not compared. The files may be source or binary. Exit status 0 when no answer differs, 1 when some may, as diff.',
  examples: ['carnet policy diff old.conf new.conf', 'carnet policy diff /sys/fs/selinux/policy new.conf -o json'],
  async run(session, [first = '', second = '']) {
    const [before, after] = [await policyIn(first), await policyIn(second)];
    const [{ diffPolicies, isEmptyDifference }, { TooDifferent }, { renderDifference }] = await Promise.all([
      import('../../../../policy/diff/diff.ts'),
      import('../../../../policy/diff/gained.ts'),
      import('../../render/policy/difference.ts'),
    ]);
    try {
      const difference = diffPolicies(before, after);
      const equal = isEmptyDifference(difference);
      if (session.format === 'table') {
        session.print(renderDifference(difference, session.style));
      } else {
        const { printMachine } = await import('../../render/policy/machine.ts');
        await printMachine(session, equal ? 'equal' : 'different', {
          equal,
          a: before.digest,
          b: after.digest,
          ...difference,
        });
      }
      return equal ? undefined : { is: 'no', status: 1 };
    } catch (error) {
      if (error instanceof TooDifferent) throw new BrokerError('POLICY_INVALID', error.message, { cause: error });
      throw error;
    }
  },
};
