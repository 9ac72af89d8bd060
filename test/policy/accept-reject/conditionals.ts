import { type Case, refused, taken } from './case.ts';

/** Conditions and tunables. */
export const conditionals: readonly Case[] = [
  taken('rules', 'if (on) { require { type user_t; } allow user_t user_t:file read; }'),
  refused('rules', 'if (on) { require { type userx_t; } allow user_t user_t:file read; }'),
  taken('rules', 'if (on) { allow user_t user_t:file read; } else { }'),
  taken('rules', 'if (on) { } else { allow user_t user_t:file read; }'),
  taken('rules', 'if on { allow user_t user_t:file read; }'),
  refused('rules', 'if () { allow user_t user_t:file read; }'),
  refused('rules', 'if (on) allow user_t user_t:file read;'),
  refused('rules', 'if (on) { allow user_t user_t:file read }'),
  refused('rules', 'if (on) { type a_t; }'),
  refused('rules', 'if (on) { role a_r; }'),
  refused('rules', 'if (on) { allow user_t nothing:file read; }'),
  refused('rules', 'if (on) { allow * user_t:file read; }'),
  taken(
    'rules',
    'if (on) { auditallow user_t user_t:file read; dontaudit user_t user_t:file read; auditdeny user_t user_t:file read; }',
  ),
  taken(
    'rules',
    'if (on) { type_member user_t user_t:file user_t; type_change user_t user_t:file user_t; type_transition user_t user_t:file other_t; }',
  ),
  refused('rules', 'if (on) { range_transition user_t user_t:vm s0; }'),
  refused('rules', 'if (on) { optional { ; } }'),
  refused('rules', 'if (on) { ; }'),
  taken('rules', 'if (!on) { allow user_t user_t:file read; }'),
  taken('rules', 'if (not on xor off) { allow user_t user_t:file read; }'),
  taken('rules', 'if (on eq off) { allow user_t user_t:file read; }'),
  refused('rules', 'if (on = off) { allow user_t user_t:file read; }'),
  refused('rules', 'if (true) { allow user_t user_t:file read; }'),
  refused('rules', 'if (on and) { allow user_t user_t:file read; }'),
  refused('rules', 'if (user_t) { allow user_t user_t:file read; }'),
  taken('rules', 'if (late) { allow user_t user_t:file read; } bool late true;'),
  taken(
    'rules',
    'tunable t true; if (t) { type_transition user_t user_t:file other_t; } type_transition user_t user_t:file other_t;',
  ),
  refused(
    'rules',
    'tunable t true; if (t) { type_transition user_t user_t:file other_t; } type_transition user_t user_t:file user_t;',
  ),
  taken(
    'rules',
    'tunable t false; if (t) { type_transition user_t user_t:file other_t; } type_transition user_t user_t:file user_t;',
  ),
  refused('rules', 'tunable t false; if (t) { allow user_t nothing:file read; }'),
  taken('rules', 'tunable t false; if (t) { allow user_t user_t:file read; } neverallow user_t user_t:file read;'),
  refused('rules', 'tunable t true; if (t) { allow user_t user_t:file read; } neverallow user_t user_t:file read;'),
  refused('rules', 'if (on) { type_change user_t user_t:file user_t; type_change user_t user_t:file other_t; }'),
  taken('rules', 'if (on) { type_change user_t user_t:file user_t; } else { type_change user_t user_t:file user_t; }'),
  taken(
    'rules',
    'if (on && off) { type_change user_t user_t:file user_t; } if (off && on) { type_change user_t user_t:file user_t; }',
  ),
  taken(
    'rules',
    'if (on && !off) { allow user_t user_t:file read; } if (off && !on) { allow user_t user_t:file write; }',
  ),
  taken(
    'rules',
    'if (on && !off) { allow user_t user_t:file read; } if (!off && on) { allow user_t user_t:file write; }',
  ),
  taken(
    'rules',
    'if (on && !off) { type_change user_t user_t:vm user_t; } if (off && !on) { type_change user_t user_t:vm user_t; }',
  ),
  refused(
    'rules',
    'if (on && !off) { type_change user_t user_t:vm user_t; } if (!off && on) { type_change user_t user_t:vm user_t; }',
  ),
  taken('rules', 'if (!!on) { type_change user_t user_t:vm user_t; } if (on) { type_change user_t user_t:vm user_t; }'),
  taken(
    'rules',
    'if (!on) { } else { type_change user_t user_t:vm user_t; } if (on) { type_change user_t user_t:vm user_t; }',
  ),
  taken(
    'rules',
    'if (on) { } else { type_change user_t user_t:vm user_t; } if (!on) { type_change user_t user_t:vm user_t; }',
  ),
  refused(
    'rules',
    'if (on == off) { type_change user_t user_t:vm user_t; } if (!(on ^ off)) { type_change user_t user_t:vm user_t; }',
  ),
];
