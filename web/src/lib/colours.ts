// Instance colours: far apart for neighbours, readable on photographs.
const golden_angle = 137.508;

export function instance_rgb(index: number): [number, number, number] {
  const hue = (28 + index * golden_angle) % 360;
  const light = 0.56 + 0.08 * ((index % 3) - 1);
  return hsl_to_rgb(hue, 0.85, light);
}

export function instance_css(index: number): string {
  const [r, g, b] = instance_rgb(index);
  return `rgb(${r}, ${g}, ${b})`;
}

export function hsl_to_rgb(h: number, s: number, l: number): [number, number, number] {
  const a = s * Math.min(l, 1 - l);
  const channel = (n: number) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
