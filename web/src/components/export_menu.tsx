// Downloads of the newest results of many images in one file.
import { useRef } from "react";
import { dataset_url, type dataset } from "../api/routes";
import type { mode } from "../api/types";
import { mode_names, plural } from "../lib/format";
import { ids } from "../testids";
import { Long } from "./bits";

/** The picked ids travel in the address, which servers limit to 8 KB. */
const picked_max = 200;

const formats: [dataset, string, string][] = [
  ["coco", "COCO", "One JSON file with every mask"],
  ["yolo", "YOLO", "A zip of label files"],
  ["masks", "Mask PNGs", "A zip with one mask per image"],
];

export function ExportMenu({
  mode,
  picked,
  with_results,
}: {
  mode: mode;
  picked: string[];
  /** How many of the images meant have a result in this mode; null when it is not known. */
  with_results: number | null;
}) {
  const menu = useRef<HTMLDetailsElement>(null);
  const too_many = picked.length > picked_max;
  const chosen = too_many ? [] : picked;
  return (
    <details
      className="menu"
      ref={menu}
      data-testid={ids.export_menu}
      onBlur={(e) => {
        if (!e.currentTarget.contains(e.relatedTarget)) menu.current?.removeAttribute("open");
      }}
      onKeyDown={(e) => {
        if (e.key === "Escape") menu.current?.removeAttribute("open");
      }}
    >
      <summary className="button">
        {picked.length > 0 && !too_many ? (
          <>
            Export<Long>selected</Long> ({picked.length})
          </>
        ) : (
          "Export all"
        )}
      </summary>
      <div className="menu-items card">
        {too_many && (
          <p className="muted small">More than {picked_max} picked: all are exported.</p>
        )}
        {with_results !== null && (
          <p className="muted small" data-testid={ids.export_count}>
            {with_results === 0
              ? `No result in mode ${mode_names[mode]} yet: the files would be empty.`
              : `${plural(with_results, "image")} with a result in mode ${mode_names[mode]}`}
          </p>
        )}
        {formats.map(([format, name, what]) => (
          <a
            key={format}
            href={dataset_url(format, mode, chosen)}
            download
            data-testid={ids.export_format(format)}
            onClick={() => menu.current?.removeAttribute("open")}
          >
            <b>{name}</b>
            <span className="muted small">{what}</span>
          </a>
        ))}
      </div>
    </details>
  );
}
