// Where one was: so that the gallery and the annotate page open as one left them. It lasts as long
// as the page; a reloaded one starts anew.
import type { mode } from "../api/types";

export const place: { mode: mode; image_id: string | null } = {
  mode: "inside_box",
  image_id: null,
};
