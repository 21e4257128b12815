// Drawing by the keyboard alone. The layer above the picture takes the focus; while it has it, arrow
// keys move a crosshair, and Enter and Space set points and corners.
import { useEffect, useRef, useState, type FocusEvent, type KeyboardEvent } from "react";
import type { image } from "../api/types";
import {
  box_at,
  crosshair_words,
  directions,
  is_seen,
  middle_of_view,
  on_view,
  step_of,
  stepped,
} from "../state/crosshair";
import { box_between, type point, type rect } from "../state/viewport";
import { is_point_tool, prompt_type_of, type tool } from "./tools";
import type { view_control } from "./use_viewport";

export interface crosshair {
  /** null while it is not shown. */
  at: point | null;
  /** The first corner of a box. */
  begun: point | null;
  /** Where it is, or what has just been done. */
  words: string;
  abandon: () => void;
  layer: {
    onFocus: (e: FocusEvent<HTMLElement>) => void;
    onBlur: () => void;
    onKeyDown: (e: KeyboardEvent<HTMLElement>) => void;
  };
}

export function useCrosshair(p: {
  control: view_control;
  image: image;
  tool: tool;
  /** What the Select tool can take, points as boxes of the size of their marks. */
  things: { id: string; r: rect }[];
  /** Nothing is previewed or selected: Escape has nothing nearer to do than to leave. */
  settled: boolean;
  on_box: (r: rect) => void;
  on_point: (x: number, y: number, positive: boolean) => void;
  on_select: (id: string | null) => void;
}): crosshair {
  const { control, image, tool } = p;
  const { view, viewport } = control;
  const [here, set_here] = useState(false);
  const [at, set_at] = useState<point>({ x: 0, y: 0 });
  const [begun, set_begun] = useState<point | null>(null);
  const [said, set_said] = useState("");
  /** Where something was set last: Enter there again is meant for what was set. */
  const done_at = useRef<point | null>(null);
  const came_from = useRef<Element | null>(null);
  const placed = useRef(false);

  const abandon = () => {
    set_begun(null);
    done_at.current = null;
  };
  useEffect(abandon, [tool]);

  const last = is_point_tool(tool)
    ? { x: image.width - 1, y: image.height - 1 }
    : { x: image.width, y: image.height };

  const move = (direction: point, large: boolean) => {
    const next = stepped(at, direction, step_of(viewport.scale, large), last);
    set_at(next);
    set_said("");
    control.reveal(next);
  };

  const set_corner = () => {
    if (begun === null) {
      set_begun(at);
      return set_said(`First corner at ${at.x}, ${at.y}`);
    }
    const box = box_between(begun, at, image);
    if (box === null) return set_said("The box is too thin");
    set_begun(null);
    done_at.current = at;
    set_said(`Box of ${box.width} × ${box.height} drawn`);
    p.on_box(box);
  };

  const set_here_now = () => {
    if (prompt_type_of(tool) !== null) return set_corner();
    done_at.current = at;
    if (is_point_tool(tool)) {
      const [x, y] = [Math.min(at.x, last.x), Math.min(at.y, last.y)];
      set_said(`Point ${tool === "point" ? "+" : "−"} set at ${x}, ${y}`);
      return p.on_point(x, y, tool === "point");
    }
    const hit = box_at(p.things, at);
    set_said(hit === null ? "Nothing is marked here" : "Selected");
    p.on_select(hit?.id ?? null);
  };

  /** Whether the key was meant for the crosshair. */
  const take = (e: KeyboardEvent<HTMLElement>): boolean => {
    if (e.ctrlKey || e.metaKey || e.altKey) {
      done_at.current = null;
      return false;
    }
    const direction = directions[e.key];
    const middle = on_view(viewport, at);
    if (direction !== undefined) move(direction, e.shiftKey);
    else if (e.key === "Enter" || e.key === " ") {
      const again = done_at.current?.x === at.x && done_at.current.y === at.y;
      if (again && e.key === "Enter" && !e.repeat) return false;
      // A key held down sets once.
      if (!e.repeat && !again) set_here_now();
    } else if (e.key === "Escape") {
      done_at.current = null;
      if (begun !== null) {
        set_begun(null);
        set_said("The box is given up");
      } else if (p.settled) {
        e.currentTarget.blur();
        if (came_from.current instanceof HTMLElement && came_from.current.isConnected) {
          came_from.current.focus();
        }
      } else return false;
    } else if (e.key === "+" || e.key === "=") control.zoom(1.25, middle);
    else if (e.key === "-") control.zoom(0.8, middle);
    else if (e.key === "0") control.actual(middle);
    else return false;
    return true;
  };

  const layer = {
    onFocus: (e: FocusEvent<HTMLElement>) => {
      came_from.current = e.relatedTarget;
      set_here(true);
      set_said("");
      // It comes back where it was, unless that cannot be seen any more.
      if (begun !== null || (placed.current && is_seen(viewport, view, at))) return;
      placed.current = true;
      set_at(middle_of_view(viewport, view, image));
    },
    onBlur: () => set_here(false),
    onKeyDown: (e: KeyboardEvent<HTMLElement>) => {
      if (!take(e)) return;
      // Neither the page's own keys nor the browser's scrolling.
      e.preventDefault();
      e.stopPropagation();
    },
  };
  const words = said === "" ? crosshair_words(at, begun) : said;
  return { at: here || begun !== null ? at : null, begun, words, abandon, layer };
}
