// The tools of a mode, the view's buttons, and their pictures.
import type { mode } from "../api/types";
import { ids } from "../testids";
import { tools_of_mode, type tool } from "./tools";
import type { view_control } from "./use_viewport";

interface toolbar_props {
  mode: mode;
  tool: tool;
  on_tool: (t: tool) => void;
  control: view_control;
  can_undo: boolean;
  on_undo: () => void;
  can_redo: boolean;
  on_redo: () => void;
  on_help: () => void;
  /** null: the model cannot answer at once in this mode. */
  preview: boolean | null;
  on_preview: (on: boolean) => void;
}

export function Toolbar(p: toolbar_props) {
  return (
    <div className="annotate-tools" role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {tools_of_mode[p.mode].map((t) => (
        <button
          key={t.tool}
          type="button"
          className="tool"
          aria-pressed={p.tool === t.tool}
          title={`${t.hint} (${t.key.toUpperCase()})`}
          data-testid={ids.tool(t.tool)}
          onClick={() => p.on_tool(t.tool)}
        >
          <ToolIcon tool={t.tool} />
          <span>{t.name}</span>
        </button>
      ))}
      {p.preview !== null && (
        <>
          <hr />
          <button
            type="button"
            className="tool"
            aria-pressed={p.preview}
            title="Show the mask at once, before the prompt is kept (S)"
            data-testid={ids.preview_toggle}
            onClick={() => p.on_preview(!p.preview)}
          >
            <ToolIcon tool="preview" />
            <span>Preview</span>
          </button>
        </>
      )}
      <hr />
      <button
        type="button"
        className="tool zoom"
        title="Zoom in (+)"
        onClick={() => p.control.zoom(1.25)}
      >
        <b aria-hidden="true">+</b>
        <span>Zoom in</span>
      </button>
      <button
        type="button"
        className="tool zoom"
        title="Zoom out (−)"
        onClick={() => p.control.zoom(0.8)}
      >
        <b aria-hidden="true">−</b>
        <span>Zoom out</span>
      </button>
      <button type="button" className="tool" title="Fit (F)" onClick={p.control.fit}>
        <ToolIcon tool="fit" />
        <span>Fit</span>
      </button>
      <button
        type="button"
        className="tool"
        title="Take the last change back (Ctrl Z)"
        disabled={!p.can_undo}
        data-testid={ids.undo}
        onClick={p.on_undo}
      >
        <ToolIcon tool="undo" />
        <span>Undo</span>
      </button>
      <button
        type="button"
        className="tool"
        title="Do again what was taken back (Ctrl Shift Z)"
        disabled={!p.can_redo}
        data-testid={ids.redo}
        onClick={p.on_redo}
      >
        <ToolIcon tool="redo" />
        <span>Redo</span>
      </button>
      <button
        type="button"
        className="tool"
        title="Keys and help (?)"
        data-testid={ids.help}
        onClick={p.on_help}
      >
        <b aria-hidden="true">?</b>
        <span>Help</span>
      </button>
    </div>
  );
}

function ToolIcon({ tool }: { tool: tool | "fit" | "undo" | "redo" | "preview" }) {
  const shape = {
    select: <path d="M5 3l12 7-5 1.500L9.5 17z" fill="currentColor" />,
    box: (
      <rect
        x="3.5"
        y="5"
        width="13"
        height="10"
        rx="1"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
    ),
    exemplar_positive: (
      <path d="M3 4h14v12H3zM10 7v6M7 10h6" fill="none" stroke="currentColor" strokeWidth="2" />
    ),
    exemplar_negative: (
      <path d="M3 4h14v12H3zM7 10h6" fill="none" stroke="currentColor" strokeWidth="2" />
    ),
    point_negative: <path d="M4 10h12" stroke="currentColor" strokeWidth="3.500" />,
    redo: (
      <path
        d="M13 3l4 4-4 4M17 7H9a5 5 0 000 10h4"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
    ),
    point: <circle cx="10" cy="10" r="4.5" fill="currentColor" />,
    fit: (
      <path
        d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
    ),
    undo: (
      <path
        d="M7 3L3 7l4 4M3 7h8a5 5 0 010 10H7"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
    ),
    preview: (
      <path
        d="M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5z"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.800"
      />
    ),
  }[tool];
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      {shape}
    </svg>
  );
}
