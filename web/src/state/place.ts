// Where one was: so that the gallery and the annotate page open as one left them. It lasts as long
// as the page; a reloaded one starts anew.
import type { mode } from "../api/types";

export type image_order = "newest" | "oldest";

export const place: {
  mode: mode;
  /** Of the gallery, and so of "next" and "previous". */
  order: image_order;
  image_id: string | null;
  /** How many images the gallery showed, or has to show to reach the one that was open. */
  shown: number;
  /** The keyboard draws: the image that is opened next takes the focus. */
  drawing: boolean;
} = {
  mode: "inside_box",
  order: "newest",
  image_id: null,
  shown: 0,
  drawing: false,
};
