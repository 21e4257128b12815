// Which tools a mode offers, and the keys that choose them.
import type { mode, prompt_type } from "../api/types";

export type tool =
  | "select"
  | "box"
  | "exemplar_positive"
  | "exemplar_negative"
  | "point"
  | "point_negative";

export interface tool_info {
  tool: tool;
  key: string;
  name: string;
  hint: string;
}

const select: tool_info = {
  tool: "select",
  key: "v",
  name: "Select",
  hint: "Select, move and resize",
};

export const tools_of_mode: Record<mode, tool_info[]> = {
  inside_box: [
    { tool: "box", key: "b", name: "Box", hint: "Drag a box around one object" },
    select,
  ],
  find_all: [
    {
      tool: "exemplar_positive",
      key: "e",
      name: "Exemplar +",
      hint: "Drag a box around an example of what to find",
    },
    {
      tool: "exemplar_negative",
      key: "r",
      name: "Exemplar −",
      hint: "Drag a box around something that must not be found",
    },
    select,
  ],
  point: [
    {
      tool: "point",
      key: "p",
      name: "Point +",
      hint: "Click on the object; right-click or Alt-click on what is not part of it",
    },
    {
      tool: "point_negative",
      key: "n",
      name: "Point −",
      hint: "Click on what is not part of the object",
    },
    select,
  ],
};

export function first_tool(m: mode): tool {
  return tools_of_mode[m][0]!.tool;
}

export function prompt_type_of(t: tool): prompt_type | null {
  if (t === "box") return "segment";
  if (t === "exemplar_positive") return "positive_exemplar";
  if (t === "exemplar_negative") return "negative_exemplar";
  return null;
}

export const is_point_tool = (t: tool) => t === "point" || t === "point_negative";

export const prompt_colours: Record<prompt_type, string> = {
  segment: "#ff9a3c",
  positive_exemplar: "#35c46a",
  negative_exemplar: "#ff5a5f",
};
export const point_colours = { positive: "#35c46a", negative: "#ff5a5f" };
