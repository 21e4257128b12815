// All results, or those of one image, newest first; each can be looked at and downloaded.
import { useEffect, useMemo, useRef, useState } from "react";
import * as api from "../api/routes";
import type { history_item, image, result } from "../api/types";
import { Overlay } from "../annotate/overlay";
import { Detections, OverlayControls } from "../annotate/mask_list";
import { useInstances } from "../annotate/use_instances";
import { Empty, mode_in, modes, Spinner, Unread } from "../components/bits";
import { Dialog } from "../components/dialog";
import { useToasts } from "../components/toasts";
import { mode_names, plural, when } from "../lib/format";
import { Link, useRouter } from "../lib/router";
import { useTitle } from "../lib/title";
import { useLive, useLiveEvents, useServerBack } from "../state/live";
import { ids } from "../testids";

const page = 100;
const settle_ms = 300;

function describe_prompts(h: history_item): string {
  const parts: string[] = [];
  if (h.point_count !== null) parts.push(plural(h.point_count, "point"));
  if (h.text_prompt_used) parts.push(`“${h.text_prompt_used}”`);
  return parts.join(", ");
}

function Viewer({ item, on_close }: { item: history_item; on_close: () => void }) {
  const [image, set_image] = useState<image | null>(null);
  const [result, set_result] = useState<result | null>(null);
  const [opacity, set_opacity] = useState(0.6);
  const [visible, set_visible] = useState(true);
  const instances = useInstances(result?.id);
  const toasts = useToasts();
  useEffect(() => {
    let gone = false;
    Promise.all([api.get_image(item.image_id), api.get_result(item.id)])
      .then(([i, r]) => {
        if (gone) return;
        set_image(i);
        set_result(r);
      })
      .catch((e) => !gone && toasts.error(e));
    return () => {
      gone = true;
    };
  }, [item, toasts]);
  const overlay = { opacity, visible, set_opacity, set_visible };
  return (
    <Dialog
      wide
      title={image?.filename ?? "Result"}
      on_close={on_close}
      actions={
        <>
          <a
            className="button"
            href={api.coco_url(item.image_id, item.mode)}
            download
            data-testid={ids.coco}
            title="COCO file of the newest result in this mode"
          >
            COCO
          </a>
          <a
            className="button"
            href={api.mask_url(item.id)}
            download={`${(image?.filename ?? "result").replace(/\.[^.]*$/, "")}_mask.png`}
            data-testid={ids.mask}
          >
            Mask PNG
          </a>
          <Link className="button primary" to={`/images/${item.image_id}?mode=${item.mode}`}>
            Open image
          </Link>
        </>
      }
    >
      <p className="muted small">
        {mode_names[item.mode]} · {when(item.processed_at)} · {item.model}
        {describe_prompts(item) !== "" && ` · ${describe_prompts(item)}`}
      </p>
      {image === null || result === null ? (
        <Spinner />
      ) : (
        <div className="viewer">
          <div
            className="viewer-picture"
            style={{
              aspectRatio: `${image.width} / ${image.height}`,
              width: `min(100%, ${(64 * image.width) / image.height}vh)`,
            }}
            data-testid={ids.history_view}
          >
            <img
              src={api.image_url(image.id)}
              alt={image.filename}
              onError={(e) => {
                const preview = api.thumbnail_url(image.id, 1024);
                if (!e.currentTarget.src.endsWith(preview)) e.currentTarget.src = preview;
              }}
            />
            <Overlay
              result={result}
              width={image.width}
              height={image.height}
              opacity={visible ? opacity : 0}
              highlight={instances.highlight}
              hidden={instances.hidden}
            />
          </div>
          <div className="viewer-side">
            <OverlayControls overlay={overlay} />
            <Detections result={result} instances={instances} />
            {result.detections.length === 0 && <p className="muted">Nothing was found.</p>}
          </div>
        </div>
      )}
    </Dialog>
  );
}

export function History() {
  const { at, go } = useRouter();
  const image_id = new URLSearchParams(at.search).get("image");
  const mode = mode_in(at.search);
  const [items, set_items] = useState<history_item[] | null>(null);
  const [limit, set_limit] = useState(page);
  const [asked, set_asked] = useState(0);
  const [viewed, set_viewed] = useState<history_item | null>(null);
  const [failed, set_failed] = useState(false);
  const { jobs, status } = useLive();
  const toasts = useToasts();
  useTitle("History");
  // Results carry no file name; the jobs of this page usually know it.
  const names = useMemo(() => {
    const found = new Map<string, string>();
    for (const j of Object.values(jobs.by_id)) {
      j.image_ids.forEach((id, i) => found.set(id, j.image_filenames[i] ?? ""));
    }
    return found;
  }, [jobs]);
  const ended =
    status === "live"
      ? 0
      : Object.values(jobs.by_id).reduce((n, j) => n + j.processed_count, 0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLiveEvents((e) => {
    if (e.type !== "result.ready" || timer.current !== undefined) return;
    // A fast job has many results a second: the list is read once for all of them.
    timer.current = setTimeout(() => {
      timer.current = undefined;
      set_asked((n) => n + 1);
    }, settle_ms);
  });
  const again = () => set_asked((n) => n + 1);
  useServerBack(() => {
    if (failed) again();
  });

  useEffect(() => {
    let gone = false;
    const list = image_id === null ? api.all_history(limit) : api.image_history(image_id);
    list
      .then((found) => {
        if (gone) return;
        set_items(found);
        set_failed(false);
      })
      .catch((e) => {
        if (gone) return;
        toasts.error(e);
        set_failed(true);
      });
    return () => {
      gone = true;
    };
  }, [image_id, limit, asked, ended, toasts]);

  const shown = items?.filter((h) => mode === null || h.mode === mode);
  const more = image_id === null && items?.length === limit && limit < 1000;
  return (
    <div className="page narrow">
      <div className="toolbar">
        <h1>{image_id === null ? "History" : "History of one image"}</h1>
        <select
          aria-label="Which results"
          value={mode ?? ""}
          data-testid={ids.history_filter}
          onChange={(e) => go(`/history${api.query({ image: image_id, mode: e.target.value })}`, true)}
        >
          <option value="">All modes</option>
          {modes.map((m) => (
            <option key={m} value={m}>
              {mode_names[m]}
            </option>
          ))}
        </select>
        {image_id !== null && (
          <button type="button" onClick={() => go("/history")}>
            Show all images
          </button>
        )}
      </div>
      {items === null && (failed ? <Unread what="The results" again={again} /> : <Spinner />)}
      {items !== null && items.length === 0 && (
        <Empty title="No results yet" testid={ids.history_empty}>
          <p>
            Open an image in the <Link to="/">gallery</Link>, mark something and press Process.
          </p>
        </Empty>
      )}
      {shown?.length === 0 && items?.length !== 0 && (
        <Empty title={`No result in the mode ${mode_names[mode!]}`}>
          {more && <p>There is none among the newest {plural(limit, "result")}.</p>}
        </Empty>
      )}
      <ul className="history">
        {shown?.map((h) => (
          <li key={h.id}>
            <button
              type="button"
              className="card"
              data-testid={ids.history_item}
              data-result-id={h.id}
              onClick={() => set_viewed(h)}
            >
              <img
                src={api.thumbnail_url(h.image_id, 128)}
                alt=""
                loading="lazy"
                width={56}
                height={56}
              />
              <span className="history-text">
                <b className="name">{names.get(h.image_id) ?? mode_names[h.mode]}</b>
                <span className="muted small">
                  {[mode_names[h.mode], describe_prompts(h)].filter(Boolean).join(" · ")}
                </span>
              </span>
              <span className="muted small">
                {h.scores === null ? "" : plural(h.scores.length, "mask")}
              </span>
              <span className="muted small">{when(h.processed_at)}</span>
            </button>
          </li>
        ))}
      </ul>
      {more && (
        <button type="button" onClick={() => set_limit(Math.min(1000, limit + page))}>
          Show older results
        </button>
      )}
      {viewed !== null && <Viewer item={viewed} on_close={() => set_viewed(null)} />}
    </div>
  );
}
