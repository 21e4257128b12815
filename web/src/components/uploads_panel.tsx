// The list of uploads with a bar each, and the "drop anywhere" veil.
import { useEffect, useState } from "react";
import { bytes, plural } from "../lib/format";
import type { upload } from "../state/uploads";
import { useUploads } from "../state/uploads_provider";
import { ids } from "../testids";
import { Bar } from "./bits";

const shown_max = 200;

const order = { failed: 0, running: 1, waiting: 2, done: 3 };

/** What needs looking at first: failures, then what is under way. */
function in_order(items: upload[]): upload[] {
  return [...items].sort((a, b) => order[a.state] - order[b.state] || a.id - b.id);
}

export function UploadsPanel() {
  const { uploads, retry, clear } = useUploads();
  if (uploads.items.length === 0) return null;
  const left = uploads.items.filter((u) => u.state === "waiting" || u.state === "running").length;
  const failed = uploads.items.filter((u) => u.state === "failed").length;
  return (
    <section className="uploads card" aria-label="Uploads">
      <header>
        <b>
          {left > 0 ? `Uploading, ${plural(left, "file")} left` : "Uploads finished"}
          {failed > 0 && `, ${failed} failed`}
        </b>
        {left === 0 && (
          <button type="button" className="quiet" onClick={clear}>
            Clear
          </button>
        )}
      </header>
      <ul>
        {in_order(uploads.items)
          .slice(0, shown_max)
          .map((u) => (
            <li key={u.id} data-testid={ids.upload_item} data-state={u.state}>
              <span className="name" title={u.name}>
                {u.name}
              </span>
              {u.state === "failed" ? (
                <>
                  <span className="error-text">{u.error}</span>
                  <button type="button" className="quiet" onClick={() => retry(u.id)}>
                    Try again
                  </button>
                </>
              ) : (
                <>
                  <Bar
                    value={u.progress}
                    tone={u.state === "done" ? "good" : "accent"}
                    label={`Upload of ${u.name}`}
                  />
                  <span className="muted small">
                    {u.state === "done"
                      ? "done"
                      : u.state === "waiting"
                        ? "waiting"
                        : u.progress >= 1
                          ? "checking…"
                          : bytes(u.size)}
                  </span>
                </>
              )}
            </li>
          ))}
      </ul>
    </section>
  );
}

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
      if (!has_files(e)) return;
      e.preventDefault();
      set_over(false);
      on_files([...(e.dataTransfer?.files ?? [])]);
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
  return over ? <div className="veil">Drop the images to upload them</div> : null;
}
