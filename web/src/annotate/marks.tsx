// What is drawn for a point, and where an answer is awaited.
import { Circle, Line } from "react-konva/lib/ReactKonvaCore";
import type { point_annotation } from "../api/types";
import type { preview_state } from "../state/preview";
import type { point, viewport } from "../state/viewport";
import { point_colours } from "./tools";

export function place_of_last({
  boxes,
  points,
}: Pick<preview_state, "boxes" | "points">): point {
  const p = points.at(-1);
  if (p !== undefined) return { x: p.x + 0.5, y: p.y + 0.5 };
  const b = boxes.at(-1);
  return b === undefined ? { x: 0, y: 0 } : { x: b.x + b.width / 2, y: b.y + b.height / 2 };
}

/** A turning ring where one has just clicked: the answer is on its way. */
export function Waiting({ at, viewport }: { at: point; viewport: viewport }) {
  const x = viewport.x + at.x * viewport.scale;
  const y = viewport.y + at.y * viewport.scale;
  return <i className="waiting-ring" aria-hidden="true" style={{ left: x, top: y }} />;
}

export function PointMark({
  point,
  px,
  selected,
  clickable,
  tentative = false,
}: {
  point: Pick<point_annotation, "id" | "point_x" | "point_y" | "is_positive">;
  px: number;
  selected: boolean;
  clickable: boolean;
  /** Not stored yet. */
  tentative?: boolean;
}) {
  const x = point.point_x + 0.5;
  const y = point.point_y + 0.5;
  const arm = 3.5 * px;
  return (
    <>
      <Circle
        id={point.id}
        x={x}
        y={y}
        radius={(selected ? 9 : 7.5) * px}
        fill={point.is_positive ? point_colours.positive : point_colours.negative}
        stroke={selected ? "#1c1a17" : "#ffffff"}
        strokeWidth={2 * px}
        dash={tentative ? [3 * px, 3 * px] : undefined}
        listening={clickable}
      />
      <Line
        points={[x - arm, y, x + arm, y]}
        stroke="#ffffff"
        strokeWidth={2 * px}
        listening={false}
      />
      {point.is_positive && (
        <Line
          points={[x, y - arm, x, y + arm]}
          stroke="#ffffff"
          strokeWidth={2 * px}
          listening={false}
        />
      )}
    </>
  );
}
