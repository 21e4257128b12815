// The masks of one result as a canvas that lies over the photograph.
import { useEffect, useRef, type CSSProperties } from "react";
import { useToasts } from "../components/toasts";
import { instance_rgb } from "../lib/colours";
import { make_sampling, paint_mask } from "../lib/rle";
import { rle_of, type masks } from "../state/masks";
import { ids } from "../testids";

/** More would cost memory and show nothing more on a screen. */
const pixels_max = 4_000_000;

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
