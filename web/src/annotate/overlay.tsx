// The masks of one result as a canvas that lies over the photograph.
import { useEffect, useRef, type CSSProperties } from "react";
import type { coco_rle, detection } from "../api/types";
import { useToasts } from "../components/toasts";
import { instance_rgb } from "../lib/colours";
import { make_sampling, paint_mask } from "../lib/rle";
import { ids } from "../testids";

/** More would cost memory and show nothing more on a screen. */
const pixels_max = 4_000_000;

/** A result, or masks that are only looked at. */
export interface masks {
  id: string;
  detections: detection[];
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
        if (rle === null || (highlight !== null && highlight !== i)) return;
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
  }, [result, width, height, highlight, first_colour, toasts]);

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
