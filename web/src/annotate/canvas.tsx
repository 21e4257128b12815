// The drawing area: the photograph and the masks as plain elements moved by CSS, and above them a
// Konva stage with the prompts, so that zooming redraws only the prompts.
import type Konva from "konva";
import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import "konva/lib/shapes/Circle";
import "konva/lib/shapes/Line";
import "konva/lib/shapes/Rect";
import "konva/lib/shapes/Transformer";
import { Layer, Rect, Stage, Transformer } from "react-konva/lib/ReactKonvaCore";
import { image_url, thumbnail_url } from "../api/routes";
import type { box_annotation, detection, image, point_annotation, result } from "../api/types";
import { mask_at } from "../state/masks";
import type { preview_state } from "../state/preview";
import {
  box_between,
  clamp,
  inside,
  keep_inside,
  to_image,
  type point,
  type rect,
} from "../state/viewport";
import { ids } from "../testids";
import { Crosshair } from "./crosshair";
import { place_of_last, PointMark, Waiting } from "./marks";
import { Overlay } from "./overlay";
import { is_point_tool, prompt_colours, prompt_type_of, type tool } from "./tools";
import { useCrosshair } from "./use_crosshair";
import type { instances } from "./use_instances";
import { click_px, type view_control } from "./use_viewport";

const preview_px = 1024;
/** How much of the stored result's opacity is left while other masks are looked at. */
const stepped_back = 0.35;

interface canvas_props {
  element: RefObject<HTMLDivElement | null>;
  /** Has the focus while the keyboard draws. */
  layer: RefObject<HTMLDivElement | null>;
  control: view_control;
  image: image;
  tool: tool;
  boxes: box_annotation[];
  points: point_annotation[];
  selected: string | null;
  on_select: (id: string | null) => void;
  on_box: (r: rect) => void;
  on_reshape: (id: string, r: rect) => void;
  on_point: (x: number, y: number, positive: boolean) => void;
  /** Prompts that are not stored yet, and the masks that they would give. */
  pending: Pick<preview_state, "boxes" | "points">;
  waiting: boolean;
  masks: detection[];
  result: result | null;
  opacity: number;
  instances: instances;
}

const rect_of = (b: box_annotation): rect => ({
  x: b.bbox_x,
  y: b.bbox_y,
  width: b.bbox_width,
  height: b.bbox_height,
});

/** About as large as it is drawn. */
const mark_of = (p: point_annotation, px: number): rect => ({
  x: p.point_x - 9 * px,
  y: p.point_y - 9 * px,
  width: 18 * px,
  height: 18 * px,
});

function Photograph({ image, style }: { image: image; style: React.CSSProperties }) {
  const [source, set_source] = useState(image_url(image.id));
  return (
    <img
      className="photo"
      src={source}
      alt={image.filename}
      draggable={false}
      style={style}
      // Browsers cannot show every format the server accepts (TIFF): its preview is stretched.
      onError={() => set_source(thumbnail_url(image.id, preview_px))}
    />
  );
}

export function Canvas(props: canvas_props) {
  const { element, control, image, tool, boxes, points, selected } = props;
  const { view, viewport, space, pinching } = control;
  const [drag, set_drag] = useState<{ from: point; to: point } | null>(null);
  /** Where a point tool was pressed: a point when it is let go there. */
  const press = useRef<{ at: point; screen: point; positive: boolean } | null>(null);
  const transformer = useRef<Konva.Transformer>(null);
  const nodes = useRef(new Map<string, Konva.Rect>());
  const px = 1 / viewport.scale;
  const drawing = prompt_type_of(tool);
  const { pending, masks } = props;
  const cross = useCrosshair({
    control,
    image,
    tool,
    boxes: boxes.map((b) => ({ id: b.id, r: rect_of(b) })),
    points: points.map((p) => ({ id: p.id, r: mark_of(p, px) })),
    selected,
    settled: selected === null && pending.boxes.length + pending.points.length === 0,
    on_box: props.on_box,
    on_reshape: props.on_reshape,
    on_point: props.on_point,
    on_select: props.on_select,
  });
  const preview = useMemo(() => ({ id: "preview", detections: masks }), [masks]);
  const looking = masks.length > 0;

  useEffect(() => {
    const node = selected === null ? undefined : nodes.current.get(selected);
    transformer.current?.nodes(node ? [node] : []);
  }, [selected, boxes, viewport]);

  const pointer = (e: Konva.KonvaEventObject<PointerEvent>): point | null => {
    const at = e.target.getStage()?.getPointerPosition();
    return at ? to_image(viewport, at) : null;
  };

  const down = (e: Konva.KonvaEventObject<PointerEvent>) => {
    const at = pointer(e);
    if (at === null || space || e.evt.button === 1) return;
    cross.abandon();
    const on_handle = e.target.getParent()?.className === "Transformer";
    const id = e.target.id();
    if (on_handle || (id !== "" && id === selected && e.target.className === "Rect")) return;
    if (is_point_tool(tool)) {
      const positive = tool === "point" && e.evt.button === 0 && !e.evt.altKey;
      press.current = { at, screen: { x: e.evt.clientX, y: e.evt.clientY }, positive };
      if (e.evt.button === 0) control.grab(e.evt);
      return;
    }
    if (e.evt.button !== 0) return;
    if (drawing !== null) {
      // A box may be let go beside the picture, over the side panel or outside the window.
      (e.evt.target as Element | null)?.setPointerCapture(e.evt.pointerId);
      return set_drag({ from: at, to: at });
    }
    props.on_select(id === "" ? null : id);
    if (id === "") control.grab(e.evt);
  };

  useEffect(() => {
    // The second finger came: what the first one had begun was not meant.
    if (!pinching) return;
    set_drag(null);
    press.current = null;
  }, [pinching]);

  const { set_pointed, hidden } = props.instances;
  const under = (at: point) =>
    props.result === null || props.opacity === 0
      ? null
      : mask_at(props.result, hidden, Math.floor(at.x), Math.floor(at.y));

  const move = (e: Konva.KonvaEventObject<PointerEvent>) => {
    const at = pointer(e);
    if (at === null) return;
    if (drag !== null) set_drag({ ...drag, to: at });
    else if (e.evt.pointerType === "mouse") set_pointed(under(at));
  };

  const up = (e: Konva.KonvaEventObject<PointerEvent>) => {
    const pressed = press.current;
    press.current = null;
    if (pressed !== null) {
      const { at, screen, positive } = pressed;
      const moved = Math.hypot(e.evt.clientX - screen.x, e.evt.clientY - screen.y);
      if (moved >= click_px || !inside(at, image)) return;
      const x = clamp(Math.floor(at.x), 0, image.width - 1);
      const y = clamp(Math.floor(at.y), 0, image.height - 1);
      props.on_point(x, y, positive);
      return;
    }
    if (drag === null) return;
    const at = pointer(e) ?? drag.to;
    set_drag(null);
    const moved = Math.max(Math.abs(at.x - drag.from.x), Math.abs(at.y - drag.from.y));
    const made = box_between(drag.from, at, image);
    if (made !== null && moved * viewport.scale >= click_px) props.on_box(made);
    else props.on_select(e.target.id() === "" ? null : e.target.id());
  };

  const reshaped = (b: box_annotation, node: Konva.Rect) => {
    const next = keep_inside(
      {
        x: node.x(),
        y: node.y(),
        width: node.width() * node.scaleX(),
        height: node.height() * node.scaleY(),
      },
      image,
    );
    node.scale({ x: 1, y: 1 });
    node.setAttrs(next);
    props.on_reshape(b.id, next);
  };

  const placed = {
    // Until the area is measured there is no right place: nothing is shown in a wrong one.
    visibility: view.width === 0 ? ("hidden" as const) : ("visible" as const),
    width: image.width,
    height: image.height,
    transform: `translate(${viewport.x}px, ${viewport.y}px) scale(${viewport.scale})`,
    imageRendering: viewport.scale > 3 ? ("pixelated" as const) : ("auto" as const),
  };
  const corners =
    drag ?? (cross.begun && cross.at ? { from: cross.begun, to: cross.at } : null);
  const drawn = corners === null ? null : box_between(corners.from, corners.to, image);
  const cursor = space ? "grab" : tool === "select" ? "default" : "crosshair";

  return (
    <div
      ref={element}
      className="canvas"
      data-testid={ids.canvas}
      data-space={space}
      data-scale={viewport.scale}
      data-x={viewport.x}
      data-y={viewport.y}
      style={{ cursor }}
      onPointerLeave={() => set_pointed(null)}
      onContextMenu={(e) => e.preventDefault()}
    >
      <Photograph image={image} style={placed} />
      <Overlay
        result={props.result}
        width={image.width}
        height={image.height}
        opacity={looking ? props.opacity * stepped_back : props.opacity}
        highlight={props.instances.highlight}
        hidden={hidden}
        style={placed}
      />
      {looking && (
        <Overlay
          result={preview}
          width={image.width}
          height={image.height}
          opacity={props.opacity}
          first_colour={props.result?.detections.length ?? 0}
          testid={ids.preview_overlay}
          style={placed}
        />
      )}
      <Stage
        width={view.width}
        height={view.height}
        className="stage"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => set_drag(null)}
      >
        <Layer x={viewport.x} y={viewport.y} scaleX={viewport.scale} scaleY={viewport.scale}>
          {boxes.map((b) => (
            <Rect
              key={b.id}
              id={b.id}
              ref={(n) => {
                if (n) nodes.current.set(b.id, n);
                else nodes.current.delete(b.id);
              }}
              {...(cross.held?.id === b.id ? cross.held.r : rect_of(b))}
              stroke={prompt_colours[b.prompt_type]}
              strokeWidth={b.id === selected ? 2.5 : 2}
              strokeScaleEnabled={false}
              dash={b.prompt_type === "negative_exemplar" ? [6, 4] : undefined}
              fill={b.id === selected ? "rgba(255,255,255,0.10)" : "rgba(255,255,255,0.001)"}
              draggable={!space && b.id === selected}
              onDragEnd={(e) => reshaped(b, e.target as Konva.Rect)}
              onTransformEnd={(e) => reshaped(b, e.target as Konva.Rect)}
            />
          ))}
          {pending.boxes.map((b, i) => (
            <Rect
              key={i}
              {...b}
              stroke={prompt_colours.segment}
              strokeWidth={2}
              strokeScaleEnabled={false}
              dash={[3, 4]}
              listening={false}
            />
          ))}
          {drawn !== null && drawing !== null && (
            <Rect
              {...drawn}
              stroke={prompt_colours[drawing]}
              strokeWidth={2}
              strokeScaleEnabled={false}
              fill="rgba(255,255,255,0.15)"
              listening={false}
            />
          )}
          {points.map((p) => (
            <PointMark
              key={p.id}
              point={p}
              px={px}
              selected={p.id === selected}
              clickable={tool === "select"}
            />
          ))}
          {pending.points.map((p, i) => (
            <PointMark
              key={i}
              point={{ id: "", point_x: p.x, point_y: p.y, is_positive: p.positive }}
              px={px}
              selected={false}
              clickable={false}
              tentative
            />
          ))}
          <Transformer
            ref={transformer}
            rotateEnabled={false}
            flipEnabled={false}
            ignoreStroke
            keepRatio={false}
            anchorSize={9}
            anchorCornerRadius={2}
            anchorStroke="#1c1a17"
            anchorFill="#ffffff"
            borderEnabled={false}
          />
        </Layer>
      </Stage>
      <Crosshair
        layer={props.layer}
        cross={cross}
        viewport={viewport}
        on_pixel={is_point_tool(tool)}
        name={image.filename}
      />
      {props.waiting && <Waiting at={place_of_last(pending)} viewport={viewport} />}
    </div>
  );
}
