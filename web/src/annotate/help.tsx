// The "?" overlay: what to do, and all keys.
import { Dialog } from "../components/dialog";

const keys: [string, string][] = [
  ["1 · 2 · 3", "Inside box · Find all · Point"],
  ["B", "Box tool"],
  ["E · R", "Positive · negative exemplar (Find all)"],
  ["P · N", "Point tools: on the object · not part of it (also right-click or Alt-click)"],
  ["V", "Select, move and resize"],
  ["Delete", "Remove the selected prompt"],
  ["Ctrl Z", "Take the last change back"],
  ["Ctrl Shift Z", "Do again what was taken back (also Ctrl Y)"],
  ["S", "Preview: show the mask before a prompt is kept"],
  ["Enter", "Keep what is previewed; else process this image"],
  ["Wheel", "Zoom at the pointer"],
  ["+ · −", "Zoom"],
  ["F · 0", "Fit · actual pixels"],
  ["Space · middle button", "Hold and drag to move the picture; or drag with Select or a point tool"],
  ["Two fingers", "Zoom and move, on a touch screen"],
  ["M", "Masks on or off"],
  ["← · →", "Previous · next image"],
  ["Esc", "Drop what is previewed; else let go of the selection"],
  ["?", "This help"],
];

export function Help({ on_close }: { on_close: () => void }) {
  return (
    <Dialog title="Keys" on_close={on_close} wide>
      <p className="muted">
        Mark what you want, press Process, and the masks appear by themselves when they are ready.
      </p>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
