/** How many types may bound one another: an answer asks all that are above. The kernel takes a handful. */
export const boundsDepthMax = 100;

/** Whether the types above one end; in a `circle` it is bounded by itself. */
export function climbBounds(bounds: readonly number[], type: number): 'ends' | 'circle' | 'deep' {
  let above = bounds[type] ?? 0;
  for (let steps = 0; steps < boundsDepthMax; steps++) {
    if (above === 0) return 'ends';
    if (above === type) return 'circle';
    above = bounds[above] ?? 0;
  }
  return above === 0 ? 'ends' : 'deep';
}

/** What is wrong with a type whose bounds do not end. */
export function endlessBounds(name: string, climb: 'circle' | 'deep'): string {
  return climb === 'circle'
    ? `type \`${name}\` is bounded by itself`
    : `type \`${name}\` is bounded through more than ${boundsDepthMax} others, or a circle of them`;
}
