// What the preview has to say, under the picture: it floats, so that nothing moves when it comes.
import { has_pending, is_waiting, preview_words, type preview_state } from "../state/preview";
import { ids } from "../testids";

export function PreviewBar({
  state,
  on_keep,
  on_clear,
  on_again,
}: {
  state: preview_state;
  on_keep: () => void;
  on_clear: () => void;
  on_again: () => void;
}) {
  if (!has_pending(state)) return null;
  const waiting = is_waiting(state);
  return (
    <div
      className="preview-bar"
      role="group"
      aria-label="Preview"
      data-testid={ids.preview_bar}
      data-waiting={waiting}
    >
      <span
        className={state.problem === null ? "preview-words" : "preview-words error-text"}
        role="status"
        data-testid={ids.preview_words}
      >
        {waiting && <i className="turning" aria-hidden="true" />}
        {preview_words(state)}
      </span>
      {state.problem !== null && (
        <button type="button" onClick={on_again}>
          Try again
        </button>
      )}
      <button
        type="button"
        className="primary"
        title="Keep these prompts (Enter)"
        data-testid={ids.preview_keep}
        onClick={on_keep}
      >
        Keep <kbd>Enter</kbd>
      </button>
      <button
        type="button"
        title="Drop these prompts (Esc)"
        data-testid={ids.preview_clear}
        onClick={on_clear}
      >
        Clear <kbd>Esc</kbd>
      </button>
    </div>
  );
}
