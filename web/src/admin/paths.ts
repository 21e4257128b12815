// Where the administrator's pages are; the main program needs no more of them.
export const admin_tabs = [
  ["/users", "Users"],
  ["/queue", "Queue"],
  ["/devices", "Devices"],
  ["/audit", "Audit log"],
] as const;
export const admin_paths: readonly string[] = admin_tabs.map(([path]) => path);
