// The size of the drawing area, and zoom and pan by wheel, keys and middle button or space.
import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { revealing } from "../state/crosshair";
import { fit, pan, zoom_at, type point, type size, type viewport } from "../state/viewport";
import { useTouch } from "./use_touch";

/** Pixels of the screen; a press that moves less is a click. */
export const click_px = 4;

export interface view_control {
  view: size;
  viewport: viewport;
  space: boolean;
  /** Two fingers hold the picture: the tools wait. */
  pinching: boolean;
  /** From this press on, the picture follows the pointer until it is let go. */
  grab: (press: PointerEvent) => void;
  /** About a point of the screen, else the middle of the view. */
  zoom: (factor: number, around?: point) => void;
  fit: () => void;
  actual: (around?: point) => void;
  /** Moves the view as far as shows this point of the image. */
  reveal: (at: point) => void;
}

const middle_of = (view: size): point => ({ x: view.width / 2, y: view.height / 2 });

export function useViewport(element: RefObject<HTMLDivElement | null>, image: size): view_control {
  const [view, set_view] = useState<size>({ width: 0, height: 0 });
  const [viewport, set_viewport] = useState<viewport>({ scale: 1, x: 0, y: 0 });
  const [space, set_space] = useState(false);
  const fitted = useRef(true);
  const grabbed = useRef<{ at: point; holds: boolean } | null>(null);
  const { width, height } = image;

  useEffect(() => {
    const e = element.current;
    if (e === null) return;
    const watch = new ResizeObserver(() => {
      const next = { width: e.clientWidth, height: e.clientHeight };
      set_view(next);
      if (fitted.current) set_viewport(fit({ width, height }, next));
    });
    watch.observe(e);
    return () => watch.disconnect();
  }, [element, width, height]);

  useEffect(() => {
    const e = element.current;
    if (e === null) return;
    const at = (m: MouseEvent): point => {
      const r = e.getBoundingClientRect();
      return { x: m.clientX - r.left, y: m.clientY - r.top };
    };
    const wheel = (w: WheelEvent) => {
      w.preventDefault();
      fitted.current = false;
      const lines = w.deltaMode === 1 ? 16 : 1;
      const factor = Math.exp(-Math.max(-240, Math.min(240, w.deltaY * lines)) * 0.0016);
      set_viewport((v) => zoom_at(v, at(w), factor));
    };
    const down = (m: PointerEvent) => {
      if (m.button !== 1) return;
      m.preventDefault();
      grabbed.current = { at: at(m), holds: true };
    };
    const move = (m: PointerEvent) => {
      if (grabbed.current === null) return;
      const now = at(m);
      const { x, y } = grabbed.current.at;
      // A click with an unsteady hand is not meant to move the picture.
      if (!grabbed.current.holds && Math.hypot(now.x - x, now.y - y) < click_px) return;
      grabbed.current = { at: now, holds: true };
      fitted.current = false;
      set_viewport((v) => pan(v, now.x - x, now.y - y));
    };
    const up = () => {
      grabbed.current = null;
    };
    const space_down = (m: PointerEvent) => {
      if (m.button === 0 && e.dataset.space === "true") {
        m.preventDefault();
        m.stopPropagation();
        grabbed.current = { at: at(m), holds: true };
      }
    };
    e.addEventListener("wheel", wheel, { passive: false });
    e.addEventListener("pointerdown", down);
    // Capturing, so that the drawing tools never see a press that means panning.
    e.addEventListener("pointerdown", space_down, true);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    return () => {
      e.removeEventListener("wheel", wheel);
      e.removeEventListener("pointerdown", down);
      e.removeEventListener("pointerdown", space_down, true);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
    };
  }, [element]);

  const change = useCallback((f: (v: viewport) => viewport) => {
    fitted.current = false;
    grabbed.current = null;
    set_viewport(f);
  }, []);
  const pinching = useTouch(element, change);
  const grab = useCallback(
    (m: PointerEvent) => {
      const r = element.current?.getBoundingClientRect();
      if (r === undefined) return;
      grabbed.current = { at: { x: m.clientX - r.left, y: m.clientY - r.top }, holds: false };
    },
    [element],
  );

  useEffect(() => {
    const key = (k: KeyboardEvent) => {
      if (k.code !== "Space" || is_typing(k.target)) return;
      k.preventDefault();
      set_space(k.type === "keydown");
    };
    const blur = () => set_space(false);
    window.addEventListener("keydown", key);
    window.addEventListener("keyup", key);
    window.addEventListener("blur", blur);
    return () => {
      window.removeEventListener("keydown", key);
      window.removeEventListener("keyup", key);
      window.removeEventListener("blur", blur);
    };
  }, []);

  const zoom = useCallback(
    (factor: number, around: point = middle_of(view)) => {
      fitted.current = false;
      set_viewport((v) => zoom_at(v, around, factor));
    },
    [view],
  );
  const fit_now = useCallback(() => {
    fitted.current = true;
    set_viewport(fit({ width, height }, view));
  }, [view, width, height]);
  const actual = useCallback(
    (around: point = middle_of(view)) => {
      fitted.current = false;
      set_viewport((v) => zoom_at(v, around, 1 / v.scale));
    },
    [view],
  );
  const reveal = useCallback(
    (at: point) =>
      set_viewport((v) => {
        const next = revealing(v, view, at);
        if (next !== v) fitted.current = false;
        return next;
      }),
    [view],
  );

  return { view, viewport, space, pinching, grab, zoom, fit: fit_now, actual, reveal };
}

export function is_typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return target.type !== "range" && target.type !== "checkbox";
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    target.isContentEditable
  );
}
