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
  ["← · →", "Previous · next image (also Page Up · Page Down)"],
  ["Esc", "Drop what is previewed; else let go of the selection"],
  ["?", "This help"],
];

const keys_alone: [string, string][] = [
  ["C", "To the picture: a crosshair shows (Tab leads there too)"],
  ["← ↑ ↓ →", "Move it, with Shift in larger steps; the more you zoom in, the finer"],
  ["Enter · Space", "Set a point; begin and end a box; with Select (V), select what is there"],
  [
    "V, Enter, Enter",
    "Hold the selected box: near a corner or an edge to resize it, in its middle to move it",
  ],
  ["← ↑ ↓ →, Enter", "Resize or move what is held, and put it down; Esc: as it was"],
  ["Enter again", "Keep what is previewed; once more, process this image"],
  ["+ · − · 0", "Zoom about the crosshair"],
  ["Page Up · Page Down", "Previous · next image, with the crosshair"],
  ["Esc", "Give up what is begun or held; drop what is previewed; then leave the picture"],
];

function Keys({ of }: { of: [string, string][] }) {
  return (
    <dl className="keys">
      {of.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Help({ on_close }: { on_close: () => void }) {
  return (
    <Dialog title="Keys" on_close={on_close} wide>
      <p className="muted">
        Mark what you want, press Process, and the masks appear by themselves when they are ready.
      </p>
      <Keys of={keys} />
      <h3>Drawing and changing without a pointer</h3>
      <Keys of={keys_alone} />
    </Dialog>
  );
}
