// One image being annotated.
import { useEffect, useRef, useState } from "react";
import type { image, mode } from "../api/types";
import { ModeSwitch, modes } from "../components/bits";
import { useRouter } from "../lib/router";
import { useSubmitJob } from "../pages/gallery";
import { has_pending, is_waiting, preview_masks } from "../state/preview";
import { place } from "../state/place";
import { boxes_of_mode, has_prompt } from "../state/prompts";
import { useSession } from "../state/session";
import { all_image_ids } from "../state/use_images";
import type { rect } from "../state/viewport";
import { ids } from "../testids";
import { useToasts } from "../components/toasts";
import { Canvas } from "./canvas";
import { Help } from "./help";
import { PreviewBar } from "./preview_bar";
import { JobOfImage, PromptList, Results } from "./sidebar";
import { TextPrompt } from "./text_prompt";
import { Toolbar } from "./toolbar";
import { first_tool, prompt_type_of, tools_of_mode, type tool } from "./tools";
import { useInstances } from "./use_instances";
import { usePreview } from "./use_preview";
import { usePrompts } from "./use_prompts";
import { useResults } from "./use_results";
import { is_typing, useViewport } from "./use_viewport";

const images_per_job_max = 10_000;

const empty_hints: Record<mode, string> = {
  inside_box: "Drag a box around an object in the picture, or press C and use the arrow keys.",
  find_all: "Drag a box around an example of what you look for, or describe it in words.",
  point: "Click on an object; Point − or a right-click marks what is not part of it.",
};
const hint_without_text = "Drag a box around an example of what you look for.";

/** The overlay's settings stay as they are from image to image. */
export interface view_settings {
  opacity: number;
  visible: boolean;
  /** Show the mask at once, before a prompt is kept. */
  preview: boolean;
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
  const [help, set_help] = useState(false);
  const [busy, set_busy] = useState(false);
  const area = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const control = useViewport(area, image);
  const work = usePrompts(image);
  const results = useResults(image.id, mode);
  const instances = useInstances(results.shown?.id);
  const preview = usePreview(image, mode, work);
  const { prompts } = work;
  const pending = has_pending(preview.state);
  const can_preview = mode !== "find_all" && (system?.modes.includes(mode) ?? false);
  const looking = can_preview && settings.preview;

  const hint =
    mode === "find_all" && !system?.abilities.text ? hint_without_text : empty_hints[mode];
  const boxes = boxes_of_mode(prompts.boxes, mode);
  const points = mode === "point" ? prompts.points : [];
  const ready = has_prompt(prompts, system?.abilities.text ? image.text_prompt : null, mode);

  const { dispatch } = preview;
  const shown_id = results.shown?.id;
  useEffect(() => dispatch({ kind: "forgotten" }), [dispatch, shown_id]);

  /** Stores what is only looked at so far; false when the server refused. */
  const keep = async () => {
    if (!pending) return true;
    const { done, box } = await preview.keep();
    if (box !== null) set_selected(box);
    return done;
  };

  const change_mode = async (m: mode) => {
    if (m === mode || !(await keep())) return;
    dispatch({ kind: "forgotten" });
    set_mode(m);
    set_tool(first_tool(m));
    set_selected(null);
  };

  const remove = (id: string) => {
    if (selected === id) set_selected(null);
    dispatch({ kind: "forgotten" });
    void (prompts.boxes.some((b) => b.id === id) ? work.remove_box(id) : work.remove_point(id));
  };

  const process = async (all: boolean) => {
    if (busy) return;
    set_busy(true);
    try {
      if (!(await keep())) return;
      // This image runs again even when nothing changed: somebody pressed the button for it.
      if (all) {
        await submit(await all_image_ids(images_per_job_max, "", place.order), mode, false);
      } else await submit([image.id], mode, true, true);
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };

  const open = async (id: string | null) => {
    if (id === null || !(await keep())) return;
    place.drawing = document.activeElement === layer.current;
    go(`/images/${id}?mode=${mode}`);
  };
  useEffect(() => {
    // Whoever draws by the keyboard goes on where they are in the next image.
    if (place.drawing) layer.current?.focus();
    place.drawing = false;
  }, []);

  const take_back = () => {
    if (pending) return dispatch({ kind: "last_removed" });
    dispatch({ kind: "forgotten" });
    work.undo();
  };

  const do_again = () => {
    // What is only looked at so far stands in front: there is nothing to do again before it.
    if (pending) return;
    dispatch({ kind: "forgotten" });
    work.redo();
  };

  const key = (e: KeyboardEvent) => {
    if (is_typing(e.target) || document.querySelector("dialog[open]") !== null) return;
    const control_held = e.ctrlKey || e.metaKey;
    const letter = e.key.toLowerCase();
    if (control_held && (letter === "z" || letter === "y")) {
      e.preventDefault();
      if (letter === "z" && !e.shiftKey) take_back();
      else do_again();
      return;
    }
    if (control_held || e.altKey) return;
    const on_button =
      e.target instanceof HTMLElement && /^(BUTTON|A|INPUT)$/.test(e.target.tagName);
    const chosen = tools_of_mode[mode].find((t) => t.key === e.key.toLowerCase());
    const actions: Record<string, () => void> = {
      "1": () => void change_mode(modes[0]!),
      "2": () => void change_mode(modes[1]!),
      "3": () => void change_mode(modes[2]!),
      Delete: () => selected !== null && remove(selected),
      Backspace: () => selected !== null && remove(selected),
      Escape: () => (pending ? dispatch({ kind: "cleared" }) : set_selected(null)),
      "+": () => control.zoom(1.25),
      "=": () => control.zoom(1.25),
      "-": () => control.zoom(0.8),
      f: control.fit,
      "0": () => control.actual(),
      c: () => layer.current?.focus(),
      PageUp: () => void open(previous),
      PageDown: () => void open(next),
      m: () => set_settings({ ...settings, visible: !settings.visible }),
      "?": () => set_help(true),
    };
    if (can_preview) {
      actions.s = () => set_settings({ ...settings, preview: !settings.preview });
    }
    if (!on_button) {
      actions.Enter = () => void (pending ? keep() : ready && process(false));
    }
    if (!(e.target instanceof HTMLInputElement)) {
      actions.ArrowLeft = () => void open(previous);
      actions.ArrowRight = () => void open(next);
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

  const add_box = async (box: rect) => {
    const type = prompt_type_of(tool);
    if (type === null) return;
    if (looking) {
      set_selected(null);
      return dispatch({ kind: "box_added", box });
    }
    const id = await work.add_box(box, type);
    if (id !== null) set_selected(id);
  };

  const add_point = (x: number, y: number, positive: boolean) => {
    if (looking) dispatch({ kind: "point_added", point: { x, y, positive } });
    else void work.add_point(x, y, positive);
  };

  const masks = preview_masks(preview.state, mode);

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
            onClick={() => void open(previous)}
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
            onClick={() => void open(next)}
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
        <ModeSwitch value={mode} on_change={(m) => void change_mode(m)} shortcuts />
      </div>
      <Toolbar
        mode={mode}
        tool={tool}
        on_tool={set_tool}
        control={control}
        can_undo={pending || prompts.undo.length > 0}
        on_undo={take_back}
        can_redo={!pending && prompts.redo.length > 0}
        on_redo={do_again}
        on_help={() => set_help(true)}
        preview={can_preview ? settings.preview : null}
        on_preview={(preview) => set_settings({ ...settings, preview })}
      />
      <div className="annotate-area">
        <Canvas
          element={area}
          layer={layer}
          control={control}
          image={image}
          tool={tool}
          boxes={boxes}
          points={points}
          selected={selected}
          on_select={set_selected}
          on_box={(r) => void add_box(r)}
          on_reshape={(id, r) => {
            dispatch({ kind: "forgotten" });
            void work.reshape_box(id, r);
          }}
          on_point={add_point}
          pending={preview.state}
          waiting={is_waiting(preview.state)}
          masks={masks}
          result={results.shown}
          opacity={settings.visible ? settings.opacity : 0}
          instances={instances}
        />
        <PreviewBar
          state={preview.state}
          on_keep={() => void keep()}
          on_clear={() => dispatch({ kind: "cleared" })}
          on_again={() => dispatch({ kind: "asked_again" })}
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
          hint={hint}
        />
        <section className="run">
          <button
            type="button"
            className="primary"
            disabled={busy || !(ready || pending) || !work.loaded}
            title={ready || pending ? "Process this image (Enter)" : hint}
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
            set_opacity: (opacity) => set_settings({ ...settings, visible: true, opacity }),
            set_visible: (visible) => set_settings({ ...settings, visible }),
          }}
          instances={instances}
        />
      </aside>
      {help && <Help on_close={() => set_help(false)} />}
    </div>
  );
}
