// One image being annotated.
import { useEffect, useRef, useState } from "react";
import type { image, mode } from "../api/types";
import { ModeSwitch, modes } from "../components/bits";
import { useRouter } from "../lib/router";
import { useSubmitJob } from "../pages/gallery";
import { boxes_of_mode, has_prompt } from "../state/prompts";
import { useSession } from "../state/session";
import { all_image_ids } from "../state/use_images";
import { ids } from "../testids";
import { useToasts } from "../components/toasts";
import { Canvas } from "./canvas";
import { Help } from "./help";
import { JobOfImage, PromptList, Results } from "./sidebar";
import { TextPrompt } from "./text_prompt";
import { first_tool, prompt_type_of, tools_of_mode, type tool } from "./tools";
import { usePrompts } from "./use_prompts";
import { useResults } from "./use_results";
import { is_typing, useViewport } from "./use_viewport";

const images_per_job_max = 10_000;

const empty_hints: Record<mode, string> = {
  inside_box: "Drag a box around an object in the picture.",
  find_all: "Drag a box around an example of what you look for, or describe it in words.",
  point: "Click on an object; right-click on what is not part of it.",
};

/** The overlay's settings stay as they are from image to image. */
export interface view_settings {
  opacity: number;
  visible: boolean;
}

export function Editor({
  image,
  on_image,
  mode,
  set_mode,
  settings,
  set_settings,
  previous,
  next,
  position,
}: {
  image: image;
  on_image: (i: image) => void;
  mode: mode;
  set_mode: (m: mode) => void;
  settings: view_settings;
  set_settings: (s: view_settings) => void;
  previous: string | null;
  next: string | null;
  position: string;
}) {
  const { go } = useRouter();
  const { system } = useSession();
  const toasts = useToasts();
  const submit = useSubmitJob();
  const [tool, set_tool] = useState<tool>(first_tool(mode));
  const [selected, set_selected] = useState<string | null>(null);
  const [highlight, set_highlight] = useState<number | null>(null);
  const [help, set_help] = useState(false);
  const [busy, set_busy] = useState(false);
  const area = useRef<HTMLDivElement>(null);
  const control = useViewport(area, image);
  const work = usePrompts(image);
  const results = useResults(image.id, mode);
  const { prompts } = work;

  const boxes = boxes_of_mode(prompts.boxes, mode);
  const points = mode === "point" ? prompts.points : [];
  const ready = has_prompt(prompts, system?.abilities.text ? image.text_prompt : null, mode);

  const change_mode = (m: mode) => {
    set_mode(m);
    set_tool(first_tool(m));
    set_selected(null);
    set_highlight(null);
  };

  const remove = (id: string) => {
    if (selected === id) set_selected(null);
    void (prompts.boxes.some((b) => b.id === id) ? work.remove_box(id) : work.remove_point(id));
  };

  const process = async (all: boolean) => {
    if (busy) return;
    set_busy(true);
    try {
      // This image runs again even when nothing changed: somebody pressed the button for it.
      if (all) await submit(await all_image_ids(images_per_job_max), mode, false);
      else await submit([image.id], mode, true);
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };

  const open = (id: string | null) => {
    if (id !== null) go(`/images/${id}?mode=${mode}`);
  };

  const key = (e: KeyboardEvent) => {
    if (is_typing(e.target) || document.querySelector("dialog[open]") !== null) return;
    const control_held = e.ctrlKey || e.metaKey;
    if (control_held && e.key.toLowerCase() === "z" && !e.shiftKey) {
      e.preventDefault();
      void work.undo();
      return;
    }
    if (control_held || e.altKey) return;
    const on_button =
      e.target instanceof HTMLElement && /^(BUTTON|A|INPUT)$/.test(e.target.tagName);
    const chosen = tools_of_mode[mode].find((t) => t.key === e.key.toLowerCase());
    const actions: Record<string, () => void> = {
      "1": () => change_mode(modes[0]!),
      "2": () => change_mode(modes[1]!),
      "3": () => change_mode(modes[2]!),
      Delete: () => selected !== null && remove(selected),
      Backspace: () => selected !== null && remove(selected),
      Escape: () => set_selected(null),
      "+": () => control.zoom(1.25),
      "=": () => control.zoom(1.25),
      "-": () => control.zoom(0.8),
      f: control.fit,
      "0": control.actual,
      m: () => set_settings({ ...settings, visible: !settings.visible }),
      "?": () => set_help(true),
    };
    if (!on_button) {
      actions.Enter = () => ready && void process(false);
    }
    if (!(e.target instanceof HTMLInputElement)) {
      actions.ArrowLeft = () => open(previous);
      actions.ArrowRight = () => open(next);
    }
    const action = chosen ? () => set_tool(chosen.tool) : actions[e.key];
    if (action === undefined) return;
    e.preventDefault();
    action();
  };
  const on_key = useRef(key);
  on_key.current = key;
  useEffect(() => {
    const f = (e: KeyboardEvent) => on_key.current(e);
    window.addEventListener("keydown", f);
    return () => window.removeEventListener("keydown", f);
  }, []);

  const add_box = async (r: { x: number; y: number; width: number; height: number }) => {
    const type = prompt_type_of(tool);
    if (type === null) return;
    const id = await work.add_box(r, type);
    if (id !== null) set_selected(id);
  };

  return (
    <div className="annotate">
      <div className="annotate-top">
        <div className="line">
          <button
            type="button"
            className="icon"
            disabled={previous === null}
            title="Previous image (←)"
            aria-label="Previous image"
            data-testid={ids.prev_image}
            onClick={() => open(previous)}
          >
            ‹
          </button>
          <button
            type="button"
            className="icon"
            disabled={next === null}
            title="Next image (→)"
            aria-label="Next image"
            data-testid={ids.next_image}
            onClick={() => open(next)}
          >
            ›
          </button>
          <h1 className="name" title={image.filename}>
            {image.filename}
          </h1>
          <span className="muted small nowrap">
            {image.width}×{image.height} {position}
          </span>
        </div>
        <ModeSwitch value={mode} on_change={change_mode} shortcuts />
      </div>
      <div className="annotate-tools" role="toolbar" aria-label="Tools" aria-orientation="vertical">
        {tools_of_mode[mode].map((t) => (
          <button
            key={t.tool}
            type="button"
            className="tool"
            aria-pressed={tool === t.tool}
            title={`${t.hint} (${t.key.toUpperCase()})`}
            data-testid={ids.tool(t.tool)}
            onClick={() => set_tool(t.tool)}
          >
            <ToolIcon tool={t.tool} />
            <span>{t.name}</span>
          </button>
        ))}
        <hr />
        <button
          type="button"
          className="tool"
          title="Zoom in (+)"
          onClick={() => control.zoom(1.25)}
        >
          <b aria-hidden="true">+</b>
          <span>Zoom in</span>
        </button>
        <button
          type="button"
          className="tool"
          title="Zoom out (−)"
          onClick={() => control.zoom(0.8)}
        >
          <b aria-hidden="true">−</b>
          <span>Zoom out</span>
        </button>
        <button type="button" className="tool" title="Fit (F)" onClick={control.fit}>
          <ToolIcon tool="fit" />
          <span>Fit</span>
        </button>
        <button
          type="button"
          className="tool"
          title="Take the last change back (Ctrl Z)"
          disabled={prompts.undo.length === 0}
          data-testid={ids.undo}
          onClick={() => void work.undo()}
        >
          <ToolIcon tool="undo" />
          <span>Undo</span>
        </button>
        <button
          type="button"
          className="tool"
          title="Keys and help (?)"
          data-testid={ids.help}
          onClick={() => set_help(true)}
        >
          <b aria-hidden="true">?</b>
          <span>Help</span>
        </button>
      </div>
      <div className="annotate-area">
        <Canvas
          element={area}
          control={control}
          image={image}
          tool={tool}
          boxes={boxes}
          points={points}
          selected={selected}
          on_select={set_selected}
          on_box={(r) => void add_box(r)}
          on_reshape={(id, r) => void work.reshape_box(id, r)}
          on_point={(x, y, positive) => void work.add_point(x, y, positive)}
          result={results.shown}
          opacity={settings.visible ? settings.opacity : 0}
          highlight={highlight}
        />
        <span className="zoom-label">{Math.round(control.viewport.scale * 100)} %</span>
      </div>
      <aside className="annotate-side" aria-label="Prompts and results">
        {mode === "find_all" && <TextPrompt image={image} system={system} on_saved={on_image} />}
        <PromptList
          boxes={boxes}
          points={points}
          selected={selected}
          on_select={(id) => {
            set_selected(id);
            set_tool("select");
          }}
          on_remove={remove}
          hint={empty_hints[mode]}
        />
        <section className="run">
          <button
            type="button"
            className="primary"
            disabled={busy || !ready || !work.loaded}
            title={ready ? "Process this image (Enter)" : empty_hints[mode]}
            data-testid={ids.process}
            onClick={() => void process(false)}
          >
            Process
          </button>
          <button
            type="button"
            disabled={busy}
            title="Processes every image whose prompts changed since its last run in this mode"
            data-testid={ids.process_all}
            onClick={() => void process(true)}
          >
            Process all
          </button>
        </section>
        <JobOfImage image={image} mode={mode} />
        <Results
          image={image}
          mode={mode}
          results={results}
          overlay={{
            ...settings,
            set_opacity: (opacity) => set_settings({ visible: true, opacity }),
            set_visible: (visible) => set_settings({ ...settings, visible }),
            highlight,
            set_highlight,
          }}
        />
      </aside>
      {help && <Help on_close={() => set_help(false)} />}
    </div>
  );
}

function ToolIcon({ tool }: { tool: tool | "fit" | "undo" }) {
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
  }[tool];
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      {shape}
    </svg>
  );
}
