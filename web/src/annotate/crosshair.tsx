// The crosshair itself, the layer that takes the focus for it, and what it says.
import { useEffect, useId, useState, type RefObject } from "react";
import { on_view } from "../state/crosshair";
import type { viewport } from "../state/viewport";
import { ids } from "../testids";
import type { crosshair } from "./use_crosshair";

/** Screen readers are told where it stands when it stands still. */
const settle_ms = 300;

function useSettled(text: string): string {
  const [settled, set_settled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => set_settled(text), settle_ms);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

export function Crosshair({
  layer,
  cross,
  viewport,
  on_pixel,
  name,
}: {
  layer: RefObject<HTMLDivElement | null>;
  cross: crosshair;
  viewport: viewport;
  /** It names a pixel, and stands in its middle; else it stands between pixels. */
  on_pixel: boolean;
  name: string;
}) {
  const hint = useId();
  const { at, words } = cross;
  const told = useSettled(at === null ? "" : words);
  const half = on_pixel ? 0.5 : 0;
  const place = at === null ? null : on_view(viewport, { x: at.x + half, y: at.y + half });
  return (
    <>
      <div
        ref={layer}
        className="crosshair-layer"
        tabIndex={0}
        role="application"
        aria-roledescription="drawing area"
        aria-label={`Picture ${name}`}
        aria-describedby={hint}
        data-testid={ids.crosshair_layer}
        {...cross.layer}
      >
        {place !== null && (
          <>
            <i className="crosshair-x" style={{ top: place.y }} aria-hidden="true" />
            <i className="crosshair-y" style={{ left: place.x }} aria-hidden="true" />
          </>
        )}
      </div>
      {at !== null && (
        <span
          className="crosshair-label"
          aria-hidden="true"
          data-testid={ids.crosshair}
          data-x={at.x}
          data-y={at.y}
        >
          {words}
          <small>arrow keys · Enter · Esc</small>
        </span>
      )}
      <span className="hidden-words" id={hint}>
        The arrow keys move a crosshair, with Shift in larger steps. Enter or Space sets a point, or
        begins and ends a box. With the Select tool, Enter selects the box under the crosshair, and
        Enter again takes hold of its nearest corner or edge, or in its middle of all of it: the
        arrow keys then resize or move it, until Enter puts it down. Escape gives up what was begun,
        then leaves the picture.
      </span>
      <span className="hidden-words" role="status" data-testid={ids.crosshair_words}>
        {told}
      </span>
    </>
  );
}
