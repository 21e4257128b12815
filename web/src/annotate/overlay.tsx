// The masks of one result as a canvas that lies over the photograph.
import { useEffect, useRef, type CSSProperties } from "react";
import type { coco_rle, detection } from "../api/types";
import { useToasts } from "../components/toasts";
import { instance_rgb } from "../lib/colours";
import { decode_counts, is_set, make_sampling, paint_mask } from "../lib/rle";
import { ids } from "../testids";

/** More would cost memory and show nothing more on a screen. */
const pixels_max = 4_000_000;

/** A result, or masks that are only looked at. */
export interface masks {
  id: string;
  detections: detection[];
}

const counts_of = new WeakMap<detection, number[]>();

/** The smallest of the shown masks that covers this pixel of the image; null when none does. */
export function mask_at(
  result: masks,
  hidden: ReadonlySet<number>,
  x: number,
  y: number,
): number | null {
  let best: number | null = null;
  result.detections.forEach((d, i) => {
    const [left, top, width, height] = d.bbox;
    if (hidden.has(i) || x < left || y < top || x >= left + width || y >= top + height) return;
    if (best !== null && result.detections[best]!.area <= d.area) return;
    const rle = rle_of(d);
    if (rle === null) return;
    let counts = counts_of.get(d);
    if (counts === undefined) counts_of.set(d, (counts = decode_counts(rle.counts)));
    if (is_set(counts, rle.size[0], x, y)) best = i;
  });
  return best;
}

/** The server sends compressed strings unless asked otherwise. */
function rle_of(d: detection): coco_rle | null {
  const { size, counts } = d.segmentation;
  return typeof counts === "string" ? { size, counts } : null;
}

export function Overlay({
  result,
  width,
  height,
  opacity,
  highlight = null,
  hidden,
  first_colour = 0,
  testid = ids.overlay,
  style,
}: {
  result: masks | null;
  width: number;
  height: number;
  /** 0 … 1 */
  opacity: number;
  /** Only this instance is shown in full; the others step back. */
  highlight?: number | null;
  /** Instances that are not shown, unless highlighted. */
  hidden?: ReadonlySet<number>;
  /** Which colour the first instance has; the others follow. */
  first_colour?: number;
  testid?: string;
  style?: CSSProperties;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const toasts = useToasts();

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const to = make_sampling(width, height, pixels_max);
    element.width = to.width;
    element.height = to.height;
    const ink = element.getContext("2d");
    if (ink === null || result === null) return;
    const picture = ink.createImageData(to.width, to.height);
    try {
      result.detections.forEach((d, i) => {
        const rle = rle_of(d);
        if (rle === null || !(highlight === null ? !hidden?.has(i) : highlight === i)) return;
        if (rle.size[0] !== height || rle.size[1] !== width) {
          throw new Error("a mask has another size than its image");
        }
        paint_mask(rle, instance_rgb(first_colour + i), picture.data, to);
      });
    } catch (e) {
      toasts.error(e, "The result cannot be shown");
      return;
    }
    ink.putImageData(picture, 0, 0);
  }, [result, width, height, highlight, hidden, first_colour, toasts]);

  return (
    <canvas
      ref={canvas}
      className="overlay"
      style={{ ...style, opacity }}
      data-testid={testid}
      data-result-id={result?.id ?? ""}
      aria-hidden="true"
    />
  );
}
