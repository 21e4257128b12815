// The text of find_all: kept on the image, saved when one leaves the field or presses Enter.
import { useEffect, useRef, useState } from "react";
import * as api from "../api/routes";
import type { image, system_info } from "../api/types";
import { useToasts } from "../components/toasts";
import { own_job_keys } from "../state/job_keys";
import { ids } from "../testids";

export function TextPrompt({
  image,
  system,
  on_saved,
}: {
  image: image;
  system: system_info | null;
  on_saved: (i: image) => void;
}) {
  const [text, set_text] = useState(image.text_prompt ?? "");
  const [saving, set_saving] = useState(false);
  const toasts = useToasts();
  const saved = useRef(image.text_prompt ?? "");
  const able = system?.abilities.text ?? false;
  const reason = system?.abilities.text_unavailable_reason;

  useEffect(() => {
    saved.current = image.text_prompt ?? "";
    set_text(saved.current);
  }, [image.text_prompt]);

  const save = async () => {
    const wanted = text.trim();
    if (wanted === saved.current || saving) return;
    set_saving(true);
    try {
      on_saved(await api.patch_text_prompt(image.id, wanted === "" ? null : wanted));
    } catch (e) {
      toasts.error(e);
    } finally {
      own_job_keys.prompts_changed(image.id);
      set_saving(false);
    }
  };

  return (
    <label className="field">
      Text
      <input
        value={text}
        maxLength={1024}
        disabled={!able}
        placeholder={able ? "for example: red apple; pear" : "not available"}
        data-testid={ids.text_prompt}
        onChange={(e) => set_text(e.target.value)}
        onBlur={() => void save()}
        onKeyDown={(e) => {
          if (e.key === "Enter") e.currentTarget.blur();
        }}
      />
      {!able && system !== null && (
        <small className="muted" data-testid={ids.text_reason}>
          {reason ?? "The model of this server does not understand text."} Use exemplars instead.
        </small>
      )}
      {saving && <small className="muted">Saving…</small>}
    </label>
  );
}
