import type { Computed, Policy } from '../../../policy/policy.ts';
import { type Label, labelFrom, partsOf } from '../../../shared/label/label.ts';
import type { AnsweredQuestion } from '../../../shared/vm/decision.ts';
import { computeAsked } from '../../../shared/vm/question-notation.ts';
import { no, yes } from './answer.ts';
import { isCanonical } from './ask.ts';
import type { Compute } from './questions/question.ts';

/** A label that was computed, with the question it answers; no label where the answer is no, no answer where nothing was asked. */
export interface ComputedLabel {
  readonly label?: Label;
  readonly answer?: AnsweredQuestion;
}

/** Has policy compute a label. An invalid result is an answer of its own, never replaced by something else. */
export function computeLabel(policy: Policy, compute: Compute): ComputedLabel {
  switch (compute.from) {
    case 'boot disk':
      return startLabel(policy, compute.client, compute.disk);
    case 'store':
      return savedStateLabel(policy, compute.vm, compute.store);
    case 'carried label':
      return compute.peer === undefined
        ? { label: compute.carried }
        : carriedLabel(policy, compute.carried, compute.peer);
  }
}

/**
 * T for start: the label of a VM that `client` starts from a disk labelled `disk`. `type_transition` decides, and where no such
 * rule matches, `type_change`, which is the form of the 2007 RFC. Without either there is no label: the engine's default
 * would make the image's own type a VM domain.
 */
function startLabel(policy: Policy, client: Label, disk: Label): ComputedLabel {
  const why = 'the label of the VM follows from the client and the boot disk';
  return byRule(policy, why, ['type_transition', 'type_change'], client, disk, 'vm');
}

/** M: the label of the saved state of a VM. A rule must say so, as M decides which VMs the state may become again. */
function savedStateLabel(policy: Policy, vm: Label, store: Label): ComputedLabel {
  const why = 'the label of the saved state follows from the VM and the store';
  return byRule(policy, why, ['type_transition'], vm, store, 'file');
}

type RuleKind = 'type_transition' | 'type_change';

function byRule(
  policy: Policy,
  why: string,
  kinds: readonly [RuleKind, ...RuleKind[]],
  source: Label,
  target: Label,
  tclass: string,
): ComputedLabel {
  const kind = kinds.find((candidate) => policy.hasTypeRule(candidate, source, target, tclass));
  const about = {
    kind: 'compute',
    why,
    asked: computeAsked({ rule: kind ?? kinds[0], scontext: source, tcontext: target, tclass }),
  } as const;
  if (!policy.declares(tclass, [])) return { answer: no(about, { reason: 'UNKNOWN' }) };
  if (!isCanonical(policy, source) || !isCanonical(policy, target)) return { answer: no(about, { reason: 'INVALID' }) };
  if (kind === undefined) {
    // Which type it is to be, only the policy's author can say.
    const result = tclass === 'vm' ? 'VM_DOMAIN' : 'STATE_TYPE';
    const missing = `type_transition ${partsOf(source).type} ${partsOf(target).type}:${tclass} ${result};`;
    return { answer: no(about, { reason: 'TE', missing }) };
  }
  const computed =
    kind === 'type_transition'
      ? policy.computeTransition(source, target, tclass)
      : policy.computeChange(source, target, tclass);
  return answerOf(about, computed);
}

function answerOf(about: { kind: 'compute'; why: string; asked: string }, computed: Computed): ComputedLabel {
  const label = computed.context as Label | undefined;
  if (!computed.ok || label === undefined) return { answer: no(about, { reason: 'INVALID', result: label }) };
  return { label, answer: yes(about, computed.rule === undefined ? [] : [computed.rule], label) };
}

/**
 * T for restore and migrate: the label the VM came with, unless this host's policy translates what comes from that
 * peer: `type_transition P V:vm new_t`. Only the type is translated; user, role and range are carried, so the rule is
 * looked up with the peer's type in the VM's own context, as an object, which every type may be.
 */
function carriedLabel(policy: Policy, carried: Label, peer: Label): ComputedLabel {
  const about = {
    kind: 'compute',
    why: 'the label is carried, or translated by a rule for the host it comes from',
    asked: computeAsked({ rule: 'type_transition', scontext: peer, tcontext: carried, tclass: 'vm' }),
  } as const;
  if (!isCanonical(policy, carried) || !isCanonical(policy, peer)) return { answer: no(about, { reason: 'INVALID' }) };
  const parts = partsOf(carried);
  const source = labelFrom({ ...parts, role: 'object_r', type: partsOf(peer).type });
  if (!policy.hasTypeRule('type_transition', source, carried, 'vm')) {
    return { label: carried, answer: yes(about, [], carried) };
  }
  const computed = policy.computeTransition(source, carried, 'vm');
  if (!computed.ok) return { answer: no(about, { reason: 'INVALID', result: computed.context as Label | undefined }) };
  const label = labelFrom({ ...parts, type: partsOf(computed.context as Label).type });
  return { label, answer: yes(about, computed.rule === undefined ? [] : [computed.rule], label) };
}
