// Two fingers move and zoom the picture; one finger is left to the tools.
import { useEffect, useState, type RefObject } from "react";
import { pinch, type point, type viewport } from "../state/viewport";

/** Whether two fingers hold the picture; true until the last one is lifted. */
export function useTouch(
  element: RefObject<HTMLDivElement | null>,
  change: (f: (v: viewport) => viewport) => void,
): boolean {
  const [held, set_held] = useState(false);
  useEffect(() => {
    const e = element.current;
    if (e === null) return;
    const fingers = new Map<number, point>();
    let together = false;
    const at = (p: PointerEvent): point => {
      const r = e.getBoundingClientRect();
      return { x: p.clientX - r.left, y: p.clientY - r.top };
    };
    const down = (p: PointerEvent) => {
      if (p.pointerType !== "touch") return;
      fingers.set(p.pointerId, at(p));
      if (fingers.size > 1) {
        together = true;
        set_held(true);
      }
      // The tools must not take the second finger for a prompt.
      if (together) p.stopPropagation();
    };
    const move = (p: PointerEvent) => {
      const before = [...fingers.values()];
      if (!fingers.has(p.pointerId)) return;
      fingers.set(p.pointerId, at(p));
      const after = [...fingers.values()];
      if (!together || after.length !== 2) return;
      change((v) => pinch(v, [before[0]!, before[1]!], [after[0]!, after[1]!]));
    };
    const up = (p: PointerEvent) => {
      if (!fingers.delete(p.pointerId) || fingers.size > 0) return;
      together = false;
      set_held(false);
    };
    e.addEventListener("pointerdown", down, true);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    return () => {
      e.removeEventListener("pointerdown", down, true);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
    };
  }, [element, change]);
  return held;
}
