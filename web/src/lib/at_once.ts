/**
 * Calls `work` for each of them in order, for at most `most` at the same time. The first that fails
 * ends it: none is begun after that, and its error is thrown when those under way have ended.
 */
export async function at_once<T>(
  most: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (next < items.length) {
      const item = items[next++]!;
      try {
        await work(item);
      } catch (e) {
        failures.push(e);
        next = items.length;
      }
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
  if (failures.length > 0) throw failures[0];
}
