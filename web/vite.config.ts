import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// In development the API is taken from a running server (or dev/mock.mjs) at SAMOVAR_API.
const api = process.env.SAMOVAR_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // The content policy forbids scripts in the page; everything is a file of its own.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: api, ws: true } } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
