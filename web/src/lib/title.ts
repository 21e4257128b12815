// The words in the browser's tab.
import { useEffect } from "react";

export function useTitle(title: string | null): void {
  useEffect(() => {
    document.title = title === null || title === "" ? "Samovar" : `${title} · Samovar`;
  }, [title]);
}
