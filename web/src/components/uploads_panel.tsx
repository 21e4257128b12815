// How far the uploads are, what failed of them, and the "drop anywhere" veil.
import { useEffect, useState } from "react";
import { files_of_drop } from "../lib/dropped_files";
import { bytes, plural } from "../lib/format";
import { Link } from "../lib/router";
import { known_words } from "../state/duplicates";
import { is_under_way, progress_of_uploads, upload_words, type upload } from "../state/uploads";
import { useUploads } from "../state/uploads_provider";
import { ids } from "../testids";
import { Bar } from "./bits";

const shown_max = 200;

/** What needs looking at: failures, then what is under way. The rest is only counted. */
function worth_a_line(items: upload[]): upload[] {
  return [
    ...items.filter((u) => u.state === "failed"),
    ...items.filter((u) => u.state === "running"),
  ].slice(0, shown_max);
}

function Line({ upload: u }: { upload: upload }) {
  const { retry } = useUploads();
  return (
    <li data-testid={ids.upload_item} data-state={u.state}>
      <span className="name" title={u.name}>
        {u.name}
      </span>
      {u.state === "failed" ? (
        <>
          <span className="error-text">{u.error}</span>
          {u.again && (
            <button type="button" className="quiet" onClick={() => retry(u.id)}>
              Try again
            </button>
          )}
        </>
      ) : (
        <>
          <Bar value={u.progress} label={`Upload of ${u.name}`} />
          <span className="muted small">{u.progress >= 1 ? "checking…" : bytes(u.size)}</span>
        </>
      )}
    </li>
  );
}

/** What is here already is not sent before its owner says so. */
function Known({ items }: { items: upload[] }) {
  const { want, skip } = useUploads();
  const all = items.map((u) => u.id);
  const one = items.length === 1;
  return (
    <div className="known" role="group" aria-label="Already here" data-testid={ids.uploads_known}>
      <p role="status">
        <b>{known_words(items.length)}.</b>
      </p>
      <span className="line">
        <button
          type="button"
          className="primary"
          data-testid={ids.uploads_skip}
          onClick={() => skip(all)}
        >
          {one ? "Leave it out" : "Leave them out"}
        </button>
        <button type="button" data-testid={ids.uploads_want} onClick={() => want(all)}>
          Upload all the same
        </button>
      </span>
      <ul>
        {items.slice(0, shown_max).map((u) => (
          <li key={u.id} data-testid={ids.upload_item} data-state={u.state}>
            <span className="name" title={u.name}>
              {u.name}
            </span>
            <span className="muted small">
              {u.twin?.image_id == null ? (
                `chosen twice: the same as ${u.twin?.name}`
              ) : (
                <>
                  the same as <Link to={`/images/${u.twin.image_id}`}>{u.twin.name}</Link>
                </>
              )}
            </span>
            {!one && (
              <button type="button" className="quiet" onClick={() => want([u.id])}>
                Upload
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

export function UploadsPanel() {
  const { uploads, clear, stop, retry_all } = useUploads();
  const { items } = uploads;
  if (items.length === 0) return null;
  const left = items.filter(is_under_way).length;
  const failed = items.filter((u) => u.state === "failed").length;
  const again = items.filter((u) => u.state === "failed" && u.again).length;
  const known = items.filter((u) => u.state === "known");
  const lines = worth_a_line(items);
  return (
    <section className="uploads card" aria-label="Uploads" data-testid={ids.uploads}>
      {known.length < items.length && (
        <header>
          <b role="status">{upload_words(items)}</b>
          {left > 0 ? (
            <button
              type="button"
              className="quiet"
              title="What has arrived stays"
              data-testid={ids.uploads_stop}
              onClick={stop}
            >
              Stop
            </button>
          ) : (
            <span className="line">
              {again > 1 && (
                <button type="button" data-testid={ids.uploads_retry} onClick={retry_all}>
                  Try all again
                </button>
              )}
              <button type="button" className="quiet" onClick={clear}>
                Clear
              </button>
            </span>
          )}
        </header>
      )}
      {items.length - known.length > 1 && left > 0 && (
        <Bar
          value={progress_of_uploads(items)}
          tone={failed > 0 ? "warn" : "accent"}
          label={`All of ${plural(items.length - known.length, "upload")}`}
        />
      )}
      {lines.length > 0 && (
        <ul>
          {lines.map((u) => (
            <Line key={u.id} upload={u} />
          ))}
        </ul>
      )}
      {known.length > 0 && <Known items={known} />}
    </section>
  );
}

/** On every page: a browser would leave Samovar and show a file that is dropped elsewhere. */
export function DropVeil({ on_files }: { on_files: (files: File[]) => void }) {
  const [over, set_over] = useState(false);
  useEffect(() => {
    const has_files = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
    const enter = (e: DragEvent) => {
      if (!has_files(e)) return;
      e.preventDefault();
      set_over(true);
    };
    const leave = (e: DragEvent) => {
      if (e.relatedTarget === null) set_over(false);
    };
    const drop = (e: DragEvent) => {
      if (!has_files(e) || e.dataTransfer === null) return;
      e.preventDefault();
      set_over(false);
      void files_of_drop(e.dataTransfer).then(on_files);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragover", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragover", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, [on_files]);
  return over ? <div className="veil">Drop images or folders to upload them</div> : null;
}
