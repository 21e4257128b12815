// Drawing by the keyboard alone. The layer above the picture takes the focus; while it has it, arrow
// keys move a crosshair, Enter and Space set points and corners, and with Select take hold of boxes.
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
import { handle_of, moved, part_at, part_name, rect_words, same_rect, type part } from "../state/hold";
import { box_between, keep_inside, type point, type rect } from "../state/viewport";
import { is_point_tool, prompt_type_of, type tool } from "./tools";
import type { view_control } from "./use_viewport";

/** A box that follows the arrow keys until it is put down. */
export interface held_box {
  id: string;
  part: part;
  /** As it is stored; when that changes meanwhile, nothing is held any more. */
  from: rect;
  r: rect;
}

export interface crosshair {
  /** null while it is not shown. */
  at: point | null;
  /** The first corner of a box. */
  begun: point | null;
  held: held_box | null;
  /** Where it is, or what has just been done. */
  words: string;
  abandon: () => void;
  layer: {
    onFocus: (e: FocusEvent<HTMLElement>) => void;
    onBlur: () => void;
    onKeyDown: (e: KeyboardEvent<HTMLElement>) => void;
  };
}

interface thing {
  id: string;
  r: rect;
}

const is_at = (a: point | null, b: point) => a !== null && a.x === b.x && a.y === b.y;

export function useCrosshair(p: {
  control: view_control;
  image: image;
  tool: tool;
  /** What the Select tool can take, points as boxes of the size of their marks. */
  boxes: thing[];
  points: thing[];
  selected: string | null;
  /** Nothing is previewed or selected: Escape has nothing nearer to do than to leave. */
  settled: boolean;
  on_box: (r: rect) => void;
  on_reshape: (id: string, r: rect) => void;
  on_point: (x: number, y: number, positive: boolean) => void;
  on_select: (id: string | null) => void;
}): crosshair {
  const { control, image, tool } = p;
  const { view, viewport } = control;
  const [here, set_here] = useState(false);
  const [at, set_at] = useState<point>({ x: 0, y: 0 });
  const [begun, set_begun] = useState<point | null>(null);
  const [holding, set_holding] = useState<held_box | null>(null);
  const [said, set_said] = useState("");
  /** Where something was set last: Enter there again is meant for what was set. */
  const done_at = useRef<point | null>(null);
  /** Where the selected box was taken: Enter there again is meant for it, whatever lies on it. */
  const taken_at = useRef<point | null>(null);
  const came_from = useRef<Element | null>(null);
  const placed = useRef(false);

  const chosen = p.boxes.find((b) => b.id === p.selected) ?? null;
  const held =
    holding !== null && chosen?.id === holding.id && same_rect(chosen.r, holding.from)
      ? holding
      : null;

  const abandon = () => {
    set_begun(null);
    set_holding(null);
    done_at.current = null;
    taken_at.current = null;
  };
  useEffect(abandon, [tool]);

  const last = is_point_tool(tool)
    ? { x: image.width - 1, y: image.height - 1 }
    : { x: image.width, y: image.height };

  const go_to = (next: point) => {
    set_at(next);
    control.reveal(next);
  };

  const move = (direction: point, large: boolean) => {
    const step = step_of(viewport.scale, large);
    set_said("");
    if (held === null) return go_to(stepped(at, direction, step, last));
    const by = { x: direction.x * step, y: direction.y * step };
    const r = moved(held.r, held.part, by, image);
    set_holding({ ...held, r });
    go_to(handle_of(r, held.part));
  };

  const take_hold = (box: thing) => {
    const r = keep_inside(box.r, image);
    const part = part_at(r, at);
    set_holding({ id: box.id, part, from: box.r, r });
    set_said(`Held: ${part_name(part)}`);
    go_to(handle_of(r, part));
  };

  const put_down = ({ id, from, r }: held_box) => {
    set_holding(null);
    done_at.current = at;
    set_said(`Put down: ${rect_words(r)}`);
    if (!same_rect(r, keep_inside(from, image))) p.on_reshape(id, r);
  };

  const put_back = ({ from, part }: held_box) => {
    set_holding(null);
    set_said("The box is where it was");
    go_to(handle_of(from, part));
  };

  /** With Select: what is there is taken, and held when it has been taken already. */
  const select_here = () => {
    const mine = is_at(taken_at.current, at) ? chosen : null;
    const hit = mine ?? box_at([...p.boxes, ...p.points], at);
    if (hit !== null && hit === chosen) return take_hold(hit);
    const box = p.boxes.find((b) => b === hit);
    if (box === undefined) done_at.current = at;
    else taken_at.current = at;
    set_said(
      box !== undefined ? `Selected: ${rect_words(box.r)}` : hit ? "Selected" : "Nothing is marked here",
    );
    p.on_select(hit?.id ?? null);
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
    if (!is_point_tool(tool)) return held === null ? select_here() : put_down(held);
    done_at.current = at;
    const [x, y] = [Math.min(at.x, last.x), Math.min(at.y, last.y)];
    set_said(`Point ${tool === "point" ? "+" : "−"} set at ${x}, ${y}`);
    p.on_point(x, y, tool === "point");
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
      const again = held === null && is_at(done_at.current, at);
      if (again && e.key === "Enter" && !e.repeat) return false;
      // A key held down sets once; Space takes hold again of what it has put down.
      if (!e.repeat && (!again || tool === "select")) set_here_now();
    } else if (e.key === "Escape") {
      done_at.current = null;
      if (held !== null) put_back(held);
      else if (begun !== null) {
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
      if (tool === "select" && chosen !== null && held === null) {
        // Whoever has selected a box elsewhere, in the list say, comes for that box.
        const middle = handle_of(chosen.r, { x: 0, y: 0 });
        const there = box_at([chosen], at) !== null && is_seen(viewport, view, at);
        const next = placed.current && there ? at : middle;
        placed.current = true;
        taken_at.current = next;
        set_said(`Selected: ${rect_words(chosen.r)}`);
        return go_to(next);
      }
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
  const words =
    said !== ""
      ? said
      : held !== null
        ? `${part_name(held.part)}: ${rect_words(held.r)}`
        : crosshair_words(at, begun);
  const shown = here || begun !== null || held !== null;
  return { at: shown ? at : null, begun, held, words, abandon, layer };
}
