// The gallery's images, page by page.
import { useCallback, useEffect, useRef, useState } from "react";
import { list_images } from "../api/routes";
import type { image } from "../api/types";
import { useLiveEvents, useServerBack } from "./live";
import { place, type image_order } from "./place";

const page = 60;
const all_page = 1000;

export interface image_pages {
  images: image[];
  total: number;
  loading: boolean;
  failed: boolean;
  more: boolean;
  load_more: () => void;
  /** After a failure: what could not be read. */
  again: () => void;
  /** Reads what is shown again, quietly: something came or went elsewhere. */
  refresh: () => Promise<void>;
  /** One that has just arrived: first or last, as the order says. */
  arrived: (i: image) => void;
  remove: (id: string) => void;
}

export function useImages(
  search: string,
  order: image_order,
  on_error: (e: unknown) => void,
): image_pages {
  const [images, set_images] = useState<image[]>([]);
  const [total, set_total] = useState(0);
  const [cursor, set_cursor] = useState<string | null>(null);
  const [loading, set_loading] = useState(true);
  const [failed, set_failed] = useState(false);
  const running = useRef<AbortController | null>(null);
  const shown = useRef(0);
  shown.current = images.length;
  const report = useRef(on_error);
  report.current = on_error;

  const load = useCallback(
    async (from: string | null) => {
      running.current?.abort();
      const abort = new AbortController();
      running.current = abort;
      set_loading(true);
      set_failed(false);
      try {
        const whole = from === null && search === "";
        const answer = await list_images({
          limit: whole ? Math.max(page, Math.min(all_page, place.shown)) : page,
          cursor: from,
          search,
          order,
          signal: abort.signal,
        });
        if (abort.signal.aborted) return;
        set_images((have) => (from === null ? answer.images : merge(have, answer.images)));
        set_total(answer.total);
        set_cursor(answer.next_cursor ?? null);
      } catch (e) {
        if (abort.signal.aborted) return;
        set_failed(true);
        report.current(e);
      } finally {
        if (!abort.signal.aborted) set_loading(false);
      }
    },
    [search, order],
  );

  useEffect(() => {
    void load(null);
    return () => running.current?.abort();
  }, [load]);

  const load_more = useCallback(() => {
    if (!loading && !failed && cursor !== null) void load(cursor);
  }, [loading, failed, cursor, load]);
  const again = useCallback(() => void load(cursor), [load, cursor]);
  useServerBack(() => {
    if (failed) again();
  });
  const refresh = useCallback(async () => {
    const limit = Math.min(all_page, Math.max(page, shown.current));
    const answer = await list_images({ limit, search, order });
    set_images(answer.images);
    set_total(answer.total);
    set_cursor(answer.next_cursor ?? null);
  }, [search, order]);
  const more = cursor !== null;
  const arrived = useCallback(
    (i: image) => {
      set_total((n) => n + 1);
      if (order === "newest") set_images((have) => merge([i], have));
      // Else it comes with the pages that have not been read yet.
      else if (!more) set_images((have) => merge(have, [i]));
    },
    [order, more],
  );
  const remove = useCallback((id: string) => {
    set_images((have) => have.filter((i) => i.id !== id));
    set_total((n) => Math.max(0, n - 1));
  }, []);

  return { images, total, loading, failed, more, load_more, again, refresh, arrived, remove };
}

const settle_ms = 700;

/** What a script or another window uploads or deletes is seen here too. Not while `busy`. */
export function useChangesElsewhere(list: image_pages, all: boolean, busy: boolean): void {
  const now = useRef({ list, all, busy });
  now.current = { list, all, busy };
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLiveEvents((e) => {
    if (e.type !== "quota.changed") return;
    clearTimeout(timer.current);
    // The answer to one's own upload or deletion is on its way as well.
    timer.current = setTimeout(() => {
      const { list: l, all: everything, busy: own } = now.current;
      if (own || !everything || l.loading || e.image_count === l.total) return;
      l.refresh().catch(() => {
        // The next event tries again; nothing that is shown is wrong.
      });
    }, settle_ms);
  });
}

function merge(a: image[], b: image[]): image[] {
  const seen = new Set(a.map((i) => i.id));
  return [...a, ...b.filter((i) => !seen.has(i.id))];
}

/** All images whose name fits, up to `most`. */
export async function all_images(
  most: number,
  search = "",
  order: image_order = "newest",
): Promise<image[]> {
  const found: image[] = [];
  let cursor: string | null = null;
  do {
    const answer: Awaited<ReturnType<typeof list_images>> = await list_images({
      limit: all_page,
      cursor,
      search,
      order,
    });
    found.push(...answer.images);
    cursor = answer.next_cursor ?? null;
  } while (cursor !== null && found.length < most);
  return found.slice(0, most);
}

export async function all_image_ids(
  most: number,
  search = "",
  order: image_order = "newest",
): Promise<string[]> {
  return (await all_images(most, search, order)).map((i) => i.id);
}
