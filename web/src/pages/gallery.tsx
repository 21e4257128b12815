// All images: upload, find, pick, process, delete.
import { useCallback, useEffect, useRef, useState } from "react";
import { is_absent } from "../api/client";
import * as api from "../api/routes";
import type { mode } from "../api/types";
import { Empty, Long, ModeSwitch, Spinner, Unread } from "../components/bits";
import { Confirm } from "../components/dialog";
import { ExportMenu } from "../components/export_menu";
import { useToasts } from "../components/toasts";
import { UploadsPanel } from "../components/uploads_panel";
import { at_once } from "../lib/at_once";
import { plural } from "../lib/format";
import { useTitle } from "../lib/title";
import { own_job_keys } from "../state/job_keys";
import { is_terminal } from "../state/jobs";
import { useLive } from "../state/live";
import { place, type image_order } from "../state/place";
import { is_under_way } from "../state/uploads";
import { useUploads } from "../state/uploads_provider";
import { all_image_ids, useChangesElsewhere, useImages } from "../state/use_images";
import { useProcessed, with_results } from "../state/use_processed";
import { ids } from "../testids";
import { Tile } from "./gallery_tile";

const images_per_job_max = 10_000;
const deleted_at_once = 3;
const accepted = "image/jpeg,image/png,image/webp,image/tiff,image/bmp";

const already_ended =
  "This job was made at the first try and has ended. Press again if it shall run once more.";

/** quiet: the page itself shows how the job gets on. */
export function useSubmitJob() {
  const { put_job } = useLive();
  const toasts = useToasts();
  return useCallback(
    async (image_ids: string[], mode: mode, force_all: boolean, quiet = false) => {
      try {
        const content = own_job_keys.content_of(image_ids, mode, force_all);
        const made = await own_job_keys.once(content, (key) =>
          api.create_job(image_ids, mode, force_all, key),
        );
        put_job(made);
        // Made by an earlier try that got no answer: nothing on the page would tell of it.
        if (is_terminal(made.status)) toasts.info(already_ended);
        else if (!quiet) toasts.info(`Job with ${plural(made.image_count, "image")} queued`);
        return made;
      } catch (e) {
        toasts.error(e);
        return null;
      }
    },
    [put_job, toasts],
  );
}

export function Gallery() {
  const toasts = useToasts();
  const [typed, set_typed] = useState("");
  const [search, set_search] = useState("");
  const [mode, set_mode] = useState<mode>(place.mode);
  const [selected, set_selected] = useState<Set<string>>(new Set());
  const [deleting, set_deleting] = useState<string[] | null>(null);
  const [deleted, set_deleted] = useState<{ done: number; of: number } | null>(null);
  const [busy, set_busy] = useState(false);
  const [order, set_order] = useState<image_order>(place.order);
  const list = useImages(search, order, toasts.error);
  const { processed, all_known, forget } = useProcessed();
  const uploads = useUploads();
  const submit = useSubmitJob();
  const file_input = useRef<HTMLInputElement>(null);
  const last_picked = useRef<string | null>(null);
  const end = useRef<HTMLDivElement>(null);
  useTitle("Images");

  useEffect(() => {
    const timer = setTimeout(() => set_search(typed.trim()), 250);
    return () => clearTimeout(timer);
  }, [typed]);

  const { arrived, load_more, remove } = list;
  const first_here = list.images.length > 0;
  useEffect(() => {
    // Back from an image: where one left the gallery, not at its top.
    if (!first_here || place.image_id === null) return;
    const left = document.querySelector(`[data-image-id="${CSS.escape(place.image_id)}"]`);
    place.image_id = null;
    left?.scrollIntoView({ block: "center" });
    left?.querySelector("a")?.focus({ preventScroll: true });
  }, [first_here]);
  const length = list.images.length;
  useEffect(() => {
    // Nothing is shown before it has been read: that is not how it was left.
    if (search === "" && length > 0) place.shown = length;
  }, [search, length]);
  useEffect(() => {
    if (search !== "") return;
    return uploads.on_arrived(arrived);
  }, [uploads, arrived, search]);

  useEffect(() => {
    const element = end.current;
    if (element === null) return;
    const watch = new IntersectionObserver(
      (seen) => {
        if (seen.some((s) => s.isIntersecting)) load_more();
      },
      { rootMargin: "600px" },
    );
    watch.observe(element);
    return () => watch.disconnect();
  }, [load_more]);

  const { items } = uploads.uploads;
  const uploading = items.some(is_under_way);
  const all_well = items.every((u) => u.state === "done");
  const on_leave = useRef(() => {});
  on_leave.current = () => {
    // Whoever leaves has seen that all went well; what failed stays to be read.
    if (all_well) uploads.clear();
  };
  useEffect(() => () => on_leave.current(), []);
  useChangesElsewhere(list, search === "", uploading);

  const shown = useRef(list.images);
  shown.current = list.images;
  const select = useCallback((id: string, range: boolean) => {
    const from = shown.current.findIndex((i) => i.id === last_picked.current);
    const to = shown.current.findIndex((i) => i.id === id);
    last_picked.current = id;
    set_selected((before) => {
      const next = new Set(before);
      if (range && from >= 0 && to >= 0) {
        const between = shown.current.slice(Math.min(from, to), Math.max(from, to) + 1);
        for (const i of between) next.add(i.id);
      } else if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const delete_one = useCallback((id: string) => set_deleting([id]), []);

  const change_mode = (m: mode) => {
    place.mode = m;
    set_mode(m);
  };

  const change_order = (o: image_order) => {
    place.order = o;
    place.shown = 0;
    set_order(o);
  };

  const process = async (which: string[] | "all") => {
    set_busy(true);
    try {
      const image_ids = which === "all" ? await all_image_ids(images_per_job_max, "", order) : which;
      const made = await submit(image_ids, mode, false);
      if (made !== null) set_selected(new Set());
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };

  const delete_now = async (which: string[]) => {
    const gone = new Set<string>();
    set_busy(true);
    set_deleted({ done: 0, of: which.length });
    try {
      await at_once(deleted_at_once, which, async (id) => {
        await api.delete_image(id).catch((e) => {
          // Somebody else was faster.
          if (!is_absent(e)) throw e;
        });
        remove(id);
        forget(id);
        gone.add(id);
        set_deleted({ done: gone.size, of: which.length });
      });
    } catch (e) {
      toasts.error(e);
    } finally {
      set_selected((s) => new Set([...s].filter((id) => !gone.has(id))));
      set_deleted(null);
      set_busy(false);
    }
  };

  const select_all = async () => {
    set_busy(true);
    try {
      set_selected(new Set(await all_image_ids(images_per_job_max, search)));
    } catch (e) {
      toasts.error(e);
    } finally {
      set_busy(false);
    }
  };

  const { add } = uploads;
  const nothing = !list.loading && list.images.length === 0;
  return (
    <div className="page">
      <div className="toolbar head">
        <h1>
          Images <span className="muted">{list.total > 0 && list.total}</span>
        </h1>
        <input
          type="search"
          placeholder="Search by file name"
          aria-label="Search by file name"
          value={typed}
          data-testid={ids.search}
          onChange={(e) => set_typed(e.target.value)}
        />
        <button type="button" className="primary" onClick={() => file_input.current?.click()}>
          Upload<Long>images</Long>
        </button>
        <input
          ref={file_input}
          type="file"
          multiple
          accept={accepted}
          hidden
          data-testid={ids.upload_input}
          onChange={(e) => {
            void add([...(e.target.files ?? [])]);
            e.target.value = "";
          }}
        />
      </div>
      {list.total > 0 && (
        <div className="toolbar second">
          <ModeSwitch value={mode} on_change={change_mode} />
          <select
            aria-label="Order of the images"
            value={order}
            data-testid={ids.order}
            onChange={(e) => change_order(e.target.value as image_order)}
          >
            <option value="newest">Newest first</option>
            <option value="oldest">Oldest first</option>
          </select>
          <button
            type="button"
            disabled={busy}
            data-testid={ids.process_all}
            title="Processes every image whose prompts changed since its last run in this mode"
            onClick={() => void process("all")}
          >
            Process all
          </button>
          {processed.size > 0 && (
            <ExportMenu
              mode={mode}
              picked={[...selected]}
              with_results={all_known ? with_results(processed, mode, selected) : null}
            />
          )}
          {selected.size === 0 && (
            <button
              type="button"
              className="quiet"
              disabled={busy}
              data-testid={ids.select_all}
              onClick={() => void select_all()}
            >
              {search === "" ? "Select all" : "Select all found"}
            </button>
          )}
          {selected.size > 0 && (
            <>
              <button
                type="button"
                className="primary"
                disabled={busy}
                data-testid={ids.process_selected}
                onClick={() => void process([...selected])}
              >
                Process<Long>selected</Long> ({selected.size})
              </button>
              <button
                type="button"
                disabled={busy}
                data-testid={ids.delete_selected}
                onClick={() => set_deleting([...selected])}
              >
                {deleted === null ? (
                  <>
                    Delete<Long>selected</Long>
                  </>
                ) : (
                  `Deleting, ${deleted.done} of ${deleted.of} done`
                )}
              </button>
              <button type="button" className="quiet" onClick={() => set_selected(new Set())}>
                Clear<Long>selection</Long>
              </button>
            </>
          )}
        </div>
      )}
      <UploadsPanel />
      {list.failed && <Unread what="The images" again={list.again} />}
      {nothing && search !== "" && !list.failed && (
        <Empty title="No image has this name">Try another search.</Empty>
      )}
      {nothing && search === "" && !list.failed && (
        <Empty title="No images yet" testid={ids.gallery_empty}>
          <p>Drop photographs anywhere on this page, or choose files.</p>
          <p className="muted">JPEG, PNG, WebP, TIFF and BMP are understood.</p>
          <button type="button" className="primary" onClick={() => file_input.current?.click()}>
            Choose files
          </button>
        </Empty>
      )}
      <ul className="gallery" data-testid={ids.gallery}>
        {list.images.map((i) => (
          <Tile
            key={i.id}
            image={i}
            mode={mode}
            processed={processed.get(i.id)}
            selected={selected.has(i.id)}
            on_select={select}
            on_delete={delete_one}
          />
        ))}
      </ul>
      {list.loading && <Spinner />}
      <div ref={end} />
      {deleting !== null && (
        <Confirm
          title={deleting.length === 1 ? "Delete this image?" : `Delete ${deleting.length} images?`}
          text="Its prompts and results are deleted with it. This cannot be undone."
          confirm="Delete"
          on_close={() => set_deleting(null)}
          on_confirm={() => void delete_now(deleting)}
        />
      )}
    </div>
  );
}
