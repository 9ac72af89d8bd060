import type { Command } from 'commander';
import { buildForm } from './policy/build.ts';
import { checkForm } from './policy/check.ts';
import { diffForm } from './policy/diff.ts';
import { explainForm } from './policy/explain.ts';
import { queryForm } from './policy/query.ts';
import { searchForm } from './policy/search.ts';
import { type Registry, register, registerNoun } from './register.ts';

/** The policy engine by itself: none of these verbs needs a fleet. */
export function registerPolicy(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'policy', 'policy files');
  register(noun, registry, checkForm);
  register(noun, registry, queryForm);
  register(noun, registry, explainForm);
  register(noun, registry, searchForm);
  register(noun, registry, diffForm);
  register(noun, registry, buildForm);
}
