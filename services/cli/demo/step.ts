import type { Stage } from './stage.ts';
import type { Figures } from './story.ts';

/** One step of the story. It throws StepFailed where the machine does not show what it claims. */
export interface Step {
  readonly name: string;
  readonly title: string;
  run(stage: Stage): Promise<{ readonly summary: string; readonly figures: Figures }>;
}
