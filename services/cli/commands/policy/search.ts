import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { CommandForm } from '../register.ts';
import { policyIn } from './load.ts';
import { criteriaOf, type SearchOptions, searchOptions } from './search-options.ts';

export const searchForm: CommandForm<SearchOptions> = {
  usage: 'search <file>',
  summary: 'the rules of a policy that are as the options say, as sesearch finds them',
  details:
    'At least one kind of rule has to be given. Rules of the same kind, source, target and class are one. Behind a rule that is conditional stand its condition and the side of it: [ a && b ]:True. The file may be source or binary, but neverallow rules are in sources only. The JSON output has the statements each rule was made of.',
  options: searchOptions(),
  examples: [
    'carnet policy search policy.conf -A -s user_t -c file -p write',
    'carnet policy search policy.conf -T -s user_t -t etc_t -ds -dt -o jsonl',
    'carnet policy search policy.conf --role_allow --role_trans -s user_r',
  ],
  async run(session, [file = ''], options) {
    const criteria = criteriaOf(options);
    const policy = await policyIn(file);
    const [{ searchRules }, { SearchError }] = await Promise.all([
      import('../../../../policy/search/search.ts'),
      import('../../../../policy/search/match.ts'),
    ]);
    try {
      const rules = searchRules(policy, criteria);
      if (session.format === 'table' || session.format === 'name') {
        session.print(rules.map(({ text }) => `${text}\n`).join(''));
        return undefined;
      }
      await session.list({
        key: 'rules',
        rows: rules.map(({ kind, text, on, from }) => ({ kind, text, on, from: from() })),
        columns: [],
        name: ({ text }) => text,
        empty: '',
      });
      return undefined;
    } catch (error) {
      if (error instanceof SearchError) throw new BrokerError('USAGE_INVALID', error.message, { cause: error });
      throw error;
    }
  },
};
