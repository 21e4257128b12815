// The annotate page: fetches the image and its neighbours, keeps the view's settings between them.
import { useEffect, useState } from "react";
import { describe } from "../api/client";
import { get_image } from "../api/routes";
import type { image } from "../api/types";
import { Editor, type view_settings } from "../annotate/editor";
import { Empty, mode_in, Spinner } from "../components/bits";
import { Link, useRouter } from "../lib/router";
import { useTitle } from "../lib/title";
import { place } from "../state/place";
import { useServerBack } from "../state/live";
import { all_image_ids } from "../state/use_images";
import { ids } from "../testids";

const neighbours_max = 10_000;

const preview_key = "samovar.preview";

function first_settings(): view_settings {
  let preview = true;
  try {
    preview = localStorage.getItem(preview_key) !== "off";
  } catch {
    // Storage can be forbidden; the choice then lasts as long as the page.
  }
  return { opacity: 0.6, visible: true, preview };
}

function remember(s: view_settings): void {
  try {
    localStorage.setItem(preview_key, s.preview ? "on" : "off");
  } catch {
    // As above.
  }
}

export default function Annotate({ id }: { id: string }) {
  const { at, go } = useRouter();
  const [image, set_image] = useState<image | null>(null);
  const [problem, set_problem] = useState<string | null>(null);
  const [order, set_order] = useState<string[]>([]);
  const [settings, set_settings] = useState<view_settings>(first_settings);
  const mode = mode_in(at.search) ?? place.mode;
  const [tries, set_tries] = useState(0);
  const again = () => set_tries((n) => n + 1);
  useTitle(image?.filename ?? "Image");
  useServerBack(() => {
    if (problem !== null || order.length === 0) again();
  });

  useEffect(() => {
    let gone = false;
    set_problem(null);
    get_image(id)
      .then((i) => !gone && set_image(i))
      .catch((e) => !gone && set_problem(describe(e)));
    return () => {
      gone = true;
    };
  }, [id, tries]);

  useEffect(() => {
    place.mode = mode;
    place.image_id = id;
  }, [mode, id]);

  const here = order.indexOf(id);
  useEffect(() => {
    place.shown = Math.max(place.shown, here + 1);
  }, [here]);
  const known = here >= 0;
  useEffect(() => {
    if (known) return;
    let gone = false;
    all_image_ids(neighbours_max, "", place.order)
      .then((list) => !gone && set_order(list))
      .catch(() => {
        // Only "previous" and "next" are missing then; the image itself reports its own problem.
      });
    return () => {
      gone = true;
    };
  }, [known, tries]);

  if (problem !== null) {
    return (
      <Empty title="This image cannot be opened">
        <p>{problem}</p>
        <div className="line">
          <button type="button" data-testid={ids.read_again} onClick={again}>
            Try again
          </button>
          <Link to="/" className="button">
            To the gallery
          </Link>
        </div>
      </Empty>
    );
  }
  if (image === null || image.id !== id) return <Spinner />;
  return (
    <Editor
      key={id}
      image={image}
      on_image={set_image}
      mode={mode}
      set_mode={(m) => go(`/images/${id}?mode=${m}`, true)}
      settings={settings}
      set_settings={(s) => {
        if (s.preview !== settings.preview) remember(s);
        set_settings(s);
      }}
      previous={here > 0 ? order[here - 1]! : null}
      next={here >= 0 && here + 1 < order.length ? order[here + 1]! : null}
      position={here >= 0 ? `· ${here + 1} of ${order.length}` : ""}
    />
  );
}
