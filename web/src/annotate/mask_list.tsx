// The masks of a result: a line for each, and the controls of the overlay.
import { useEffect, useRef } from "react";
import type { detection, result } from "../api/types";
import { instance_css } from "../lib/colours";
import { ids } from "../testids";
import type { instances } from "./use_instances";

const shown_max = 100;

export interface overlay_control {
  opacity: number;
  visible: boolean;
  set_opacity: (n: number) => void;
  set_visible: (v: boolean) => void;
}

export function OverlayControls({ overlay }: { overlay: overlay_control }) {
  return (
    <div className="line">
      <label className="check" title="Masks on or off (M)">
        <input
          type="checkbox"
          checked={overlay.visible}
          data-testid={ids.overlay_toggle}
          onChange={(e) => overlay.set_visible(e.target.checked)}
        />
        Masks
      </label>
      <input
        type="range"
        min={0}
        max={100}
        value={Math.round(overlay.opacity * 100)}
        aria-label="Opacity of the masks"
        title="Opacity of the masks"
        data-testid={ids.opacity}
        onChange={(e) => overlay.set_opacity(Number(e.target.value) / 100)}
      />
      <span className="muted small percent">{Math.round(overlay.opacity * 100)} %</span>
    </div>
  );
}

function MaskLine({
  mask,
  index: i,
  instances,
}: {
  mask: detection;
  index: number;
  instances: instances;
}) {
  const { highlight, set_highlight, pointed, hidden, toggle } = instances;
  const line = useRef<HTMLLIElement>(null);
  const is_pointed = pointed === i;
  useEffect(() => {
    if (is_pointed) line.current?.scrollIntoView({ block: "nearest" });
  }, [is_pointed]);
  const off = hidden.has(i);
  const state = highlight === i || is_pointed ? "selected" : "";
  return (
    <li ref={line} className={off ? `off ${state}` : state} data-testid={ids.mask_row}>
      <button
        type="button"
        className="row"
        onMouseEnter={() => set_highlight(i)}
        onFocus={() => set_highlight(i)}
        onBlur={() => set_highlight(null)}
      >
        <i style={{ background: instance_css(i) }} aria-hidden="true" />
        <span>Mask {i + 1}</span>
        <span className="muted small">
          {Math.round(mask.score * 100)} % · {mask.area.toLocaleString()} px
        </span>
      </button>
      <button
        type="button"
        className="icon"
        aria-pressed={off}
        aria-label={`Hide mask ${i + 1}`}
        title={off ? "Show this mask" : "Hide this mask"}
        data-testid={ids.mask_switch}
        onMouseEnter={() => set_highlight(null)}
        onClick={() => toggle(i)}
      >
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
          <path
            d={off ? "M3 9c4 5 10 5 14 0M4 13l2-2M10 15v-2.500M16 13l-2-2" : eye}
            fill="none"
            stroke="currentColor"
            strokeWidth="1.600"
          />
        </svg>
      </button>
    </li>
  );
}

const eye =
  "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5z";

export function Detections({ result, instances }: { result: result; instances: instances }) {
  const { detections } = result;
  return (
    <ul className="detections" onMouseLeave={() => instances.set_highlight(null)}>
      {detections.slice(0, shown_max).map((d, i) => (
        <MaskLine key={i} mask={d} index={i} instances={instances} />
      ))}
      {detections.length > shown_max && (
        <li className="muted small">and {detections.length - shown_max} more</li>
      )}
    </ul>
  );
}
