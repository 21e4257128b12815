// One image in the gallery.
import { memo, useState } from "react";
import { thumbnail_url } from "../api/routes";
import type { image, mode } from "../api/types";
import { mode_names } from "../lib/format";
import { Link } from "../lib/router";
import { useServerBack } from "../state/live";
import { ids } from "../testids";

/** Drawn again only when it changes itself: there may be thousands, and uploads draw the page often. */
export const Tile = memo(function Tile({
  image,
  mode,
  processed,
  selected,
  on_select,
  on_delete,
}: {
  image: image;
  mode: mode;
  processed: ReadonlySet<mode> | undefined;
  selected: boolean;
  on_select: (id: string, range: boolean) => void;
  on_delete: (id: string) => void;
}) {
  const [broken, set_broken] = useState(false);
  useServerBack(() => set_broken(false));
  return (
    <li
      className={selected ? "tile selected" : "tile"}
      data-testid={ids.gallery_item}
      data-image-id={image.id}
    >
      <Link
        to={`/images/${image.id}?mode=${mode}`}
        className="thumb"
        aria-label={`Open ${image.filename}`}
      >
        {broken ? (
          <span className="muted small">no preview</span>
        ) : (
          <img
            src={thumbnail_url(image.id)}
            alt=""
            loading="lazy"
            onError={() => set_broken(true)}
          />
        )}
      </Link>
      <input
        type="checkbox"
        checked={selected}
        aria-label={`Select ${image.filename}`}
        data-testid={ids.gallery_select}
        onChange={(e) => on_select(image.id, (e.nativeEvent as MouseEvent).shiftKey)}
      />
      <button
        type="button"
        className="icon tile-delete"
        aria-label={`Delete ${image.filename}`}
        title="Delete"
        data-testid={ids.gallery_delete}
        onClick={() => on_delete(image.id)}
      >
        ×
      </button>
      <div className="tile-foot">
        <span className="name" title={image.filename}>
          {image.filename}
        </span>
        <span className="muted small">
          {image.width}×{image.height}
        </span>
        {processed !== undefined && (
          <span
            className={processed.has(mode) ? "badge status-completed" : "badge"}
            title={[...processed].map((m) => mode_names[m]).join(", ")}
            data-testid={ids.processed_badge}
          >
            processed
          </span>
        )}
      </div>
    </li>
  );
});
