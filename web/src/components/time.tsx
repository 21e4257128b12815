// A moment, told relative to now and exact on demand.
import { useEffect, useState } from "react";
import { ago, when } from "../lib/format";

const tick_ms = 30_000;

export function useNow(every_ms = tick_ms): number {
  const [now, set_now] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set_now(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

export function Moment({ at, never = "never" }: { at: string | null; never?: string }) {
  const now = useNow();
  if (at === null) return <span className="muted">{never}</span>;
  return (
    <time dateTime={at} title={when(at)} className="nowrap">
      {ago(at, now)}
    </time>
  );
}
