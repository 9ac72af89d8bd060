import { type Case, refused, taken } from './case.ts';

/** Role transitions and rules by file name, of which one may stand in the text, what is dropped included. */
const role = 'role q_r; role q_r types user_t; ';
const attribute = 'attribute a_a; optional { require { type user_t; } typeattribute user_t a_a; } ';
const dropped = (rules: string): string => `optional { require { type nope_t; role n_r; } ${rules} } `;
const toRole = (type: string, given = 'user_r', made = 'q_r'): string => `role_transition ${given} ${type} ${made}; `;
const named = (source: string, target = 'other_t', made = 'user_t'): string =>
  `type_transition ${source} ${target}:file ${made} "x"; `;

export const givenOnce: readonly Case[] = [
  taken('rules', role + dropped(toRole('user_t'))),
  refused('rules', role + dropped(toRole('user_t') + toRole('user_t'))),
  refused('rules', role + toRole('user_t') + dropped(toRole('user_t', 'user_r', 'user_r'))),
  refused('rules', role + dropped(toRole('user_t')) + toRole('user_t')),
  refused('rules', role + dropped(toRole('user_t')) + dropped(toRole('user_t'))),
  refused('rules', role + dropped(toRole('nope_t', 'n_r') + toRole('nope_t', 'n_r'))),
  refused('rules', role + dropped(toRole('domain') + toRole('user_t'))),
  refused('rules', `${role}optional { require { type nope_t; } ${toRole('user_t')} } else { ${toRole('user_t')} }`),
  taken('rules', role + attribute + toRole('a_a') + toRole('user_t')),
  refused('rules', role + attribute + toRole('a_a') + toRole('user_t', 'user_r', 'user_r')),
  taken('rules', `attribute a_a; ${role}${toRole('a_a')}${dropped(`typeattribute user_t a_a; ${toRole('user_t')}`)}`),
  taken('rules', dropped(named('user_t'))),
  refused('rules', dropped(named('user_t') + named('user_t'))),
  refused('rules', named('user_t') + dropped(named('user_t', 'other_t', 'other_t'))),
  refused('rules', dropped(named('user_t')) + named('user_t')),
  refused('rules', dropped(named('nope_t') + named('nope_t'))),
  refused('rules', dropped(named('user_t', 'self') + named('user_t', 'user_t'))),
  refused('rules', `optional { require { type user_t; } ${named('user_t')} } else { ${named('user_t')} }`),
  taken('rules', attribute + named('a_a') + named('user_t')),
  refused('rules', attribute + named('a_a') + named('user_t', 'other_t', 'other_t')),
];
