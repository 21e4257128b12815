// A User-Agent line in the words a person would use for the machine in front of them.
const browsers: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\//, "Headless Chrome"],
  [/\bChrome\/|\bChromium\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const systems: [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];

export function browser_words(user_agent: string): string {
  if (user_agent.trim() === "") return "Unknown program";
  const find = (list: [RegExp, string][]) => list.find(([sign]) => sign.test(user_agent))?.[1];
  const browser = find(browsers);
  if (browser === undefined) return /^[^\s/]{1,40}/.exec(user_agent)?.[0] ?? "Unknown program";
  const system = find(systems);
  return system === undefined ? browser : `${browser} on ${system}`;
}
